import {
  columnsOf,
  groupOf,
  postgresDefinitionsMark,
  postgresDefinitionsOf,
  type AirbyteStream,
  type DefinitionGroup,
} from '../../protocol/index.ts'
import type { RecordRules } from '../../protocol/rules/record-rules.ts'
import type { SinkStream } from '../../sinks/sink.ts'

/** The definitions of the groups that the table of the stream is to have; nothing without groups. */
export function sourceDefinitions(
  stream: AirbyteStream,
  groups: readonly DefinitionGroup[] = [],
  {
    rules,
    isTransformed,
  }: { readonly rules: RecordRules | undefined; readonly isTransformed: boolean },
): Pick<SinkStream, 'definitions'> {
  if (groups.length === 0) return {}
  const list = postgresDefinitionsOf(stream).filter((definition) =>
    groups.includes(groupOf(definition)),
  )
  const fields =
    rules?.columns ?? columnsOf(stream.json_schema).map(({ name }) => ({ name, newName: name }))
  return {
    definitions: {
      list,
      fields: Object.fromEntries(fields.map(({ name, newName }) => [name, newName])),
      isTransformed,
    },
  }
}

/** The stream as it is read: `SinkStream.definitions` has them, if they are wanted. */
export function withoutDefinitions(stream: AirbyteStream): AirbyteStream {
  const { [postgresDefinitionsMark]: definitions, ...described } = stream
  return definitions === undefined ? stream : described
}
