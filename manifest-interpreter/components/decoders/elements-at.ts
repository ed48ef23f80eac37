import { JsonElements } from './json-elements.ts'
import type { JsonPath } from './json-path.ts'
import type { Value } from '../../value/value.ts'

export interface ElementsOptions {
  readonly path: JsonPath
  /** Reads one JSON text. Throws a SyntaxError. */
  readonly parse: (text: string) => Value
}

/** The values at a path of a JSON document, while it arrives. What precedes an error is given before it is thrown. */
export async function* elementsAt(
  bytes: AsyncIterable<Uint8Array>,
  { path, parse }: ElementsOptions,
): AsyncIterable<readonly Value[]> {
  const elements = new JsonElements(path, parse)
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
