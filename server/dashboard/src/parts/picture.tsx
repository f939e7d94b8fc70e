import { useEffect, useState } from "preact/hooks";
import { drawingOf } from "./drawing";

/** Why a picture is not shown, in words. */
class NoPicture extends Error {}

/**
 * A picture by a judge, whose SVG is not to be trusted, as the PNG that the browser makes of it. As an image an SVG can neither
 * run nor load anything; what is shown, and what a reader may save or open, are the dots alone.
 */
export function Picture({ svg, about }: { svg: string; about: string }) {
  const [shown, setShown] = useState<{ address?: string; why?: string }>({});
  useEffect(() => {
    let left = false;
    let address = "";
    rasterised(svg).then(
      (png) => {
        if (left) return;
        address = URL.createObjectURL(png);
        setShown({ address });
      },
      (error: unknown) => {
        if (!(error instanceof NoPicture)) throw error;
        if (!left) setShown({ why: error.message });
      },
    );
    return () => {
      left = true;
      URL.revokeObjectURL(address);
    };
  }, [svg]);
  if (shown.why !== undefined) return <p class="soft">The judge's picture cannot be shown: {shown.why}</p>;
  return <img class="picture" src={shown.address} alt={about} hidden={shown.address === undefined} />;
}

async function rasterised(text: string): Promise<Blob> {
  const drawing = drawingOf(text);
  if (drawing === null) throw new NoPicture("it is no SVG.");
  const { svg, width, height } = drawing;
  const image = await decoded(new Blob([svg], { type: "image/svg+xml" }));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d")?.drawImage(image, 0, 0, width, height);
  try {
    return await new Promise((done, failed) =>
      canvas.toBlob((png) => (png === null ? failed(new NoPicture("it could not be drawn.")) : done(png)), "image/png"),
    );
  } catch (error) {
    // Browsers do not give out the dots of an SVG that holds other documents.
    if (error instanceof DOMException) throw new NoPicture("it holds more than a drawing (foreignObject).");
    throw error;
  }
}

async function decoded(blob: Blob): Promise<HTMLImageElement> {
  const address = URL.createObjectURL(blob);
  const image = new Image();
  image.src = address;
  try {
    await image.decode();
  } catch {
    throw new NoPicture("the browser cannot read it.");
  } finally {
    URL.revokeObjectURL(address);
  }
  return image;
}
