import {
  component,
  field,
  flag,
  invalidComponent,
  list,
  optionalComponent,
  optionalText,
} from '../../definition.ts'
import { get, isDict, isPlainDict } from '../../value/dict.ts'
import { classifyStopCondition } from '../paginators/stop-condition-safety.ts'
import { truth } from '../../value/truth.ts'
import { keepsEtags, type ConditionalRequests } from './conditional-read.ts'
import type { ConnectError } from '../../../protocol/errors/connect-error.ts'
import type { StreamContext } from '../../component.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/** Combinations that a SimpleRetriever must not have. Each rule prevents lost or doubled records. */

interface Subject {
  readonly streamName: string
  readonly stream?: StreamContext | undefined
  readonly hasQueryProperties?: boolean
}

/** True if the first page of the stream is in the records of its parent. */
export function checkLazyRead(definition: PlainDict, subject: Subject): boolean {
  const parents = parentsOf(field(definition, 'partition_router') ?? null)
  if (!parents.some((parent) => isDict(parent) && isSet(parent, 'lazy_read_pointer'))) return false
  const { streamName, stream } = subject
  for (const [block, action] of [
    ['page_size_reduction', 'REDUCE_PAGE_SIZE'],
    ['request_window_splitting', 'SPLIT_REQUEST_WINDOW'],
  ] as const)
    if (isSet(definition, block) || requesterUses(definition, action))
      throw invalidComponent(
        `lazy_read_pointer of stream ${streamName}`,
        `it cannot be combined with ${block}. Remove ${block} and the ${action} action, or lazy_read_pointer.`,
      )
  // If there is a state, each parent is queried for changes, so there is no first page in the parent's
  // record.
  const state = stream?.state
  if (state != null && truth(state)) return false
  checkLazyParts(definition, subject)
  return true
}

function checkLazyParts(definition: PlainDict, { streamName, stream }: Subject): void {
  const wrong = (what: string) =>
    invalidComponent(`lazy_read_pointer of stream ${streamName}`, `${what}.`)
  const sync = stream?.incrementalSync ?? null
  if (sync !== null && get(sync, 'type') !== 'DatetimeBasedCursor')
    throw wrong('the cursor of the stream must be a DatetimeBasedCursor')
  if (sync !== null && (isSet(sync, 'step') || isSet(sync, 'cursor_granularity')))
    throw wrong(
      'the stream has one slice for each parent, so remove step and cursor_granularity of its cursor',
    )
  const decoder = optionalComponent(definition, 'decoder')
  if (decoder !== undefined && get(decoder, 'type') !== 'JsonDecoder')
    throw wrong('the decoder of the stream must be a JsonDecoder')
}

export function checkPaginationReset(definition: PlainDict): void {
  const reset = optionalComponent(definition, 'pagination_reset')
  const selector = component(definition, 'record_selector')
  if (
    reset !== undefined &&
    truth(get(reset, 'limits') ?? null) &&
    truth(get(selector, 'record_filter') ?? null)
  )
    throw invalidComponent(
      'pagination_reset of a retriever',
      'its limits cannot be combined with a record_filter.',
    )
}

export function checkPageSizeReduction(definition: PlainDict, subject: Subject): void {
  const { streamName, hasQueryProperties } = subject
  const reduction = optionalComponent(definition, 'page_size_reduction')
  if (reduction === undefined) {
    if (requesterUses(definition, 'REDUCE_PAGE_SIZE'))
      throw invalidComponent(
        `the retriever of stream ${streamName}`,
        'a response filter has the REDUCE_PAGE_SIZE action. Add a page_size_reduction block.',
      )
    return
  }
  const wrong = (reason: string) =>
    invalidComponent(`page_size_reduction of stream ${streamName}`, reason)
  if (hasQueryProperties === true)
    throw wrong(
      'it cannot be combined with query properties, whose earlier chunks would come twice.',
    )
  const paginator = optionalComponent(definition, 'paginator')
  if (paginator === undefined || get(paginator, 'type') !== 'DefaultPaginator')
    throw wrong('it needs a DefaultPaginator, to ask for a smaller page.')
  if (!isSet(paginator, 'page_size_option'))
    throw wrong('it needs page_size_option on the paginator, to ask for a smaller page.')
  const tokenOption = optionalComponent(paginator, 'page_token_option')
  if (tokenOption !== undefined && get(tokenOption, 'type') === 'RequestPath')
    throw wrong(
      'page_token_option may not be a RequestPath: the API writes the page size into that URL.',
    )
  checkStrategy(component(paginator, 'pagination_strategy'), reduction, wrong)
}

function checkStrategy(
  strategy: PlainDict,
  reduction: PlainDict,
  wrong: (reason: string) => ConnectError,
): void {
  const type = get(strategy, 'type')
  if (type !== 'CursorPagination' && type !== 'OffsetIncrement')
    throw wrong(
      `the pagination strategy must be CursorPagination or OffsetIncrement, not ${typeof type === 'string' ? type : 'another'}: pages that are counted would shift.`,
    )
  const pageSize = get(strategy, 'page_size') ?? null
  if (pageSize === null) throw wrong('the pagination strategy needs page_size.')
  const minimum = get(reduction, 'minimum_page_size') ?? 1
  const configured = Number(pageSize)
  if (Number.isInteger(configured) && typeof minimum === 'number' && configured <= minimum)
    throw wrong(`page_size ${configured} cannot become smaller than minimum_page_size ${minimum}.`)
  if (type === 'CursorPagination')
    checkStopCondition(optionalText(strategy, 'stop_condition'), Number(minimum), wrong)
}

function checkStopCondition(
  condition: string | undefined,
  minimum: number,
  wrong: (reason: string) => ConnectError,
): void {
  if (condition === undefined) return
  const safety = classifyStopCondition(condition, Number.isFinite(minimum) ? minimum : 1)
  if (safety.verdict === 'truncates')
    throw wrong(
      `the stop_condition ${condition} would end the paging too early, since ${safety.reason}. Compare with page_size, the size that was requested, or with 0.`,
    )
}

export function checkWindowSplitting(definition: PlainDict, subject: Subject): void {
  const { streamName, stream, hasQueryProperties } = subject
  const splitting = optionalComponent(definition, 'request_window_splitting')
  if (splitting === undefined) {
    if (requesterUses(definition, 'SPLIT_REQUEST_WINDOW'))
      throw invalidComponent(
        `the retriever of stream ${streamName}`,
        'a response filter has the SPLIT_REQUEST_WINDOW action. Add a request_window_splitting block.',
      )
    return
  }
  const wrong = (reason: string) =>
    invalidComponent(`request_window_splitting of stream ${streamName}`, reason)
  const sync = stream?.incrementalSync ?? null
  if (
    sync === null ||
    get(sync, 'type') !== 'DatetimeBasedCursor' ||
    optionalText(sync, 'cursor_granularity') === undefined ||
    stream?.cursor.splitWindow === undefined
  )
    throw wrong('it needs a DatetimeBasedCursor with cursor_granularity.')
  if (flag(sync, 'is_client_side_incremental', false))
    throw wrong(
      'it cannot be combined with is_client_side_incremental: the window is not part of the request.',
    )
  if (hasQueryProperties === true)
    throw wrong(
      'it cannot be combined with query properties, whose earlier chunks would come twice.',
    )
}

/** Null if they are not requested. */
export function conditionalRequests(
  definition: PlainDict,
  { streamName, stream, hasQueryProperties }: Subject,
): ConditionalRequests | null {
  if (!flag(definition, 'conditional_requests', false)) return null
  const wrong = (reason: string) =>
    invalidComponent(`conditional_requests of stream ${streamName}`, reason)
  const sync = stream?.incrementalSync ?? null
  if (sync === null || stream === undefined || !keepsEtags(stream.cursor))
    throw wrong('it needs a DatetimeBasedCursor, whose state keeps the ETags.')
  const part = hasQueryProperties === true ? 'query properties' : changingPart(definition, sync)
  if (part !== undefined) throw wrong(`it cannot be combined with ${part}.`)
  const pageSize = get(definition, 'conditional_page_size')
  if (pageSize !== undefined && typeof pageSize !== 'number')
    throw wrong('conditional_page_size must be a number.')
  return { cursor: stream.cursor, pageSize }
}

/** The setting because of which the same response may yield other records, or needs more than one request. */
function changingPart(definition: PlainDict, sync: PlainDict): string | undefined {
  if (isSet(component(definition, 'record_selector'), 'record_filter')) return 'a record_filter'
  if (flag(sync, 'is_client_side_incremental', false)) return 'is_client_side_incremental'
  const parts = ['pagination_reset', 'page_size_reduction', 'request_window_splitting']
  return parts.find((name) => isSet(definition, name))
}

/** True if an error handler of the retriever's requester can ask for the action. */
function requesterUses(definition: PlainDict, action: string): boolean {
  return usesAction(get(component(definition, 'requester'), 'error_handler') ?? null, action)
}

export function usesAction(errorHandler: Value, action: string): boolean {
  if (!isPlainDict(errorHandler)) return false
  if (get(errorHandler, 'type') === 'CompositeErrorHandler')
    return list(errorHandler, 'error_handlers').some((handler) => usesAction(handler, action))
  return list(errorHandler, 'response_filters').some(
    (filter) => isDict(filter) && get(filter, 'action') === action,
  )
}

/** As Python's truth has it. */
function isSet(definition: Dict, name: string): boolean {
  return truth(get(definition, name) ?? null)
}

function parentsOf(router: Value): readonly Value[] {
  if (!isPlainDict(router) || get(router, 'type') !== 'SubstreamPartitionRouter') return []
  return list(router, 'parent_stream_configs')
}
