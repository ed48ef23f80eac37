/** The items, each with whether it is the last one. Takes one item ahead. */
export async function* withLast<Item>(
  items: AsyncIterable<Item>,
): AsyncIterable<readonly [item: Item, isLast: boolean]> {
  let held: readonly [Item] | undefined
  for await (const item of items) {
    if (held !== undefined) yield [held[0], false]
    held = [item]
  }
  if (held !== undefined) yield [held[0], true]
}
