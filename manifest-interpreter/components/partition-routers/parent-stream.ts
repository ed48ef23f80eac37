import {
  component,
  flag,
  list,
  optionalComponent,
  optionalText,
  parametersOf,
  text,
} from '../../definition.ts'
import { valueError } from '../../value/python-error.ts'
import { emptyDict, isEmpty } from '../../value/dict.ts'
import { compileRequestOption, type RequestOption } from '../requesters/request-option.ts'
import { parentStates } from './parent-states.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { Stream } from '../../contracts.ts'
import type { PlainDict, Value } from '../../value/value.ts'

/** ParentStreamConfig: a stream whose records are the partitions of another stream. */
export interface ParentStream {
  readonly stream: Stream
  /** The path of the record's value that distinguishes the partitions: a text with slashes. */
  readonly key: () => Value
  /** The name of that value in the partition. */
  readonly partitionField: () => Value
  /** Paths of other values of the record that come along. */
  readonly extraFields: () => readonly (readonly Value[])[]
  /** The path of the child's first page in the record; null if it is requested. */
  readonly lazyReadPointer: (() => readonly Value[]) | null
  readonly requestOption: RequestOption | undefined
  /** The child's state stores the state of this parent. */
  readonly incrementalDependency: boolean
}

export function parentStream(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): ParentStream {
  const { config, templates } = builder
  const parameters = parametersOf(definition)
  const compile = (source: Value): (() => Value) => {
    const compiled = templates.string(source, { parameters })
    return () => compiled({ config })
  }
  const compilePath = (path: Value): (() => readonly Value[]) => {
    const parts = (Array.isArray(path) ? path : [path]).map(compile)
    return () => parts.map((part) => part())
  }
  const pointer = list(definition, 'lazy_read_pointer')
  checkPointer(pointer)
  const extraFields = list(definition, 'extra_fields').map(compilePath)
  const requestOption = optionalComponent(definition, 'request_option')
  return {
    stream: buildStream(definition, builder, context),
    key: compile(text(definition, 'parent_key')),
    partitionField: compile(text(definition, 'partition_field')),
    extraFields: () => extraFields.map((path) => path()),
    lazyReadPointer: pointer.length > 0 ? compilePath([...pointer]) : null,
    requestOption:
      requestOption === undefined ? undefined : compileRequestOption(requestOption, builder),
    incrementalDependency: flag(definition, 'incremental_dependency', false),
  }
}

function buildStream(
  definition: PlainDict,
  builder: Builder,
  { streamName }: BuildContext,
): Stream {
  const stream = component(definition, 'stream')
  const dependent = flag(definition, 'incremental_dependency', false)
  const childState = (dependent ? builder.stateOf(streamName) : null) ?? emptyDict()
  const states = isEmpty(childState) ? new Map() : parentStates(stream, childState, builder)
  return builder
    .forParent(states)
    .build('stream', stream, { streamName: optionalText(stream, 'name') ?? '' })
}

function checkPointer(pointer: readonly Value[]): void {
  if (pointer.some((part) => typeof part === 'string' && part.includes('*')))
    throw valueError(
      "The '*' wildcard in 'lazy_read_pointer' is not supported — only direct paths are allowed.",
    )
}
