import { parametersOf, text } from '../../definition.ts'
import { str } from '../../value/text.ts'
import { remembered, renameKeys } from './rename-keys.ts'
import type { Builder } from '../../component.ts'
import type { Transformation } from '../../contracts.ts'
import type { PlainDict } from '../../value/value.ts'

/** KeysReplace: another text in the place of a text in the names of the record and of the objects in it. */
export function keysReplace(definition: PlainDict, builder: Builder): Transformation {
  const parameters = parametersOf(definition)
  const oldText = builder.templates.string(text(definition, 'old'), { parameters })
  const newText = builder.templates.string(text(definition, 'new'), { parameters })
  let last = replacement('', '')
  return {
    transform(record, { slice }) {
      const scope = { config: builder.config, record, stream_slice: slice }
      const from = str(oldText(scope))
      const to = str(newText(scope))
      if (from !== last.from || to !== last.to) last = replacement(from, to)
      return renameKeys(record, last.rename)
    },
  }
}

function replacement(from: string, to: string) {
  return { from, to, rename: remembered((key) => replaceAll(key, from, to)) }
}

/** `key.replace(from, to)`: an empty text is between all characters. */
function replaceAll(key: string, from: string, to: string): string {
  if (from === '') return ['', ...Array.from(key), ''].join(to)
  // A function, so that `$&` in the new text is no pattern.
  return key.replaceAll(from, () => to)
}
