/** The part of a query that every list takes. */
export interface PageQuery {
  limit: number;
  cursor?: string;
}

/** The first `most` pages of a list, each of `limit` items, and whether there are more. */
export async function readPages<Item>(
  most: number,
  limit: number,
  read: (query: PageQuery) => Promise<{ items: readonly Item[]; next: string | null }>,
): Promise<{ lines: Item[]; more: boolean }> {
  const lines: Item[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < most; page++) {
    const found: { items: readonly Item[]; next: string | null } = await read(
      cursor === null ? { limit } : { limit, cursor },
    );
    lines.push(...found.items);
    cursor = found.next;
    if (cursor === null) break;
  }
  return { lines, more: cursor !== null };
}
