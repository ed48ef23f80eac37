import type { SourceSnapshot } from '../../connectors/connector.ts'
import type { DestinationSnapshot } from '../../sinks/sink.ts'

/** Both sides at about the same moment. */
export interface Snapshots extends AsyncDisposable {
  readonly source: SourceSnapshot
  readonly destination: DestinationSnapshot
}

/**
 * The destination first: a row that is loaded in between is then at the source, and does not look as if it
 * were extra.
 */
export async function openSnapshots(open: {
  source(): Promise<SourceSnapshot>
  destination(): Promise<DestinationSnapshot>
}): Promise<Snapshots> {
  await using opened = new AsyncDisposableStack()
  const destination = opened.use(await open.destination())
  const source = opened.use(await open.source())
  const both = opened.move()
  return { source, destination, [Symbol.asyncDispose]: () => both.disposeAsync() }
}
