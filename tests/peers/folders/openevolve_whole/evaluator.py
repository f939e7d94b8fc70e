import asyncio
import runpy


async def evaluate(program_path):
    await asyncio.sleep(0)
    best = runpy.run_path(program_path)["best"]
    return {"height": best, "half": best / 2, "met": best > 3, "artifacts": {"where": "left of the top"}}
