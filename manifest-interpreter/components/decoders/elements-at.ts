import { JsonElements, type ElementsOptions } from './json-elements.ts'
import type { Value } from '../../value/value.ts'

/**
 * The values at a path of a JSON document, while it arrives. Values before an error are yielded before the
 * error is thrown.
 */
export async function* elementsAt(
  bytes: AsyncIterable<Uint8Array>,
  options: ElementsOptions,
): AsyncIterable<readonly Value[]> {
  const elements = new JsonElements(options)
  for await (const chunk of bytes) {
    const failure = attempt(() => {
      elements.push(chunk)
    })
    yield* elements.take()
    if (failure !== undefined) throw failure.error
  }
  const failure = attempt(() => {
    elements.end()
  })
  yield* elements.take()
  if (failure !== undefined) throw failure.error
}

function attempt(action: () => void): { readonly error: unknown } | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    return { error }
  }
}
