import type { Component } from '../../../manifest-interpreter/component.ts'
import { get, isDict } from '../../../manifest-interpreter/value/dict.ts'
import type { Value } from '../../../manifest-interpreter/value/value.ts'

/** The ids of the members of a channel, which come as plain texts. */
export const membersExtractor: Component<'extractor'> = (_definition, _builder, { decoder }) => ({
  async *extract(response) {
    if (decoder === undefined) throw new TypeError('an extractor needs the decoder of its stream')
    for await (const bodies of decoder.decode(response)) {
      const records = bodies.flatMap(membersOf)
      if (records.length > 0) yield records
    }
  },
})

function membersOf(body: Value): readonly Value[] {
  const members = isDict(body) ? get(body, 'members') : undefined
  return Array.isArray(members) ? members.map((id) => ({ user_id: id })) : []
}
