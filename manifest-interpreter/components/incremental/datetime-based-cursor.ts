import type { Builder } from '../../component.ts'
import type { RequestOptions } from '../../contracts.ts'
import { durationAt, parseIsoDuration } from '../../datetime/iso-duration.ts'
import { PyDateTime, compareDateTimes, PyTimeDelta } from '../../value/py-datetime.ts'
import { addToDateTime, subtractFromDateTime, elapsed } from '../../value/time-arithmetic.ts'
import {
  field,
  flag,
  list,
  optionalDict,
  optionalText,
  parametersOf,
  text,
} from '../../definition.ts'
import { copy, get, isDict, set } from '../../value/dict.ts'
import { PythonError, typeError, valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import { truth } from '../../value/truth.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'
import { clampTo, type Clamp } from './clamping.ts'
import { ConcurrentCursor, type CursorSettings } from './concurrent-cursor.ts'
import { cursorFieldOf } from './cursor-field.ts'
import { compileOption, cursorRequestOptions } from './cursor-request-options.ts'
import type { CursorValues } from './cursor-values.ts'
import type { WindowRules, Window } from './cursor-windows.ts'
import { datetimeCursorValues, nonZero } from './datetime-cursor-values.ts'
import { compileMinMaxDatetime } from './min-max-datetime.ts'

/** A DatetimeBasedCursor, compiled: makes the cursor of a stream, or one for each of its partitions. */
export interface DatetimeCursorFactory {
  readonly field: string
  readonly catalogDefined: boolean
  readonly values: CursorValues<PyDateTime>
  /**
   * @param lookback reads this much before the state again, beside the cursor's own lookback window
   * @param emitState absent: the states are part of another one
   */
  create(
    state: Dict,
    lookback: PyTimeDelta | null,
    emitState?: (state: Dict) => void,
  ): ConcurrentCursor<PyDateTime>
}

export interface CursorContext {
  readonly builder: Builder
  readonly definition: PlainDict
  /** The definition of the stream. */
  readonly stream: PlainDict
  readonly streamName: string
}

export function datetimeBasedCursor(context: CursorContext): DatetimeCursorFactory {
  const { definition, builder, streamName } = context
  const parameters = parametersOf(definition)
  const cursorField = cursorFieldOf(definition, builder, { streamName, parameters })
  const granularityText = optionalText(definition, 'cursor_granularity') ?? ''
  const granularity =
    granularityText === ''
      ? null
      : durationAt(`cursor_granularity of stream ${streamName}`, granularityText)
  const values = datetimeCursorValues({
    format: text(definition, 'datetime_format'),
    inputFormats: list(definition, 'cursor_datetime_formats').map(str),
    granularity,
  })
  const compileRules = rulesCompiler(context, granularity)
  // Start, step and lookback are evaluated when the first cursor is made: a fault in them fails the stream,
  // not the source.
  let settings: CursorSettings<PyDateTime> | undefined
  const makeSettings = (): CursorSettings<PyDateTime> => ({
    ...cursorField,
    streamName,
    values,
    rules: compileRules(),
    boundaries: [
      sliceField(context, 'partition_field_start', parameters),
      sliceField(context, 'partition_field_end', parameters),
    ],
    stateFollows: 'bounds',
    // Not of Airbyte's language, in which the state may pass a change that the read has missed.
    staysBeforeRead: flag(definition, 'state_stays_before_read', false),
    halve: (window, minimum) => halveWindow(window, granularity, minimum),
    requestOptions: datetimeRequestOptions(context),
    warn: (message) => {
      builder.environment.logger.warn({ stream: streamName, field: cursorField.field }, message)
    },
  })
  return {
    ...cursorField,
    values,
    create: (state, lookback, emitState) => {
      settings ??= makeSettings()
      const from = lookback === null ? state : lookedBack(state, lookback, settings)
      return new ConcurrentCursor(settings, from, emitState)
    },
  }
}

function lookedBack(
  state: Dict,
  lookback: PyTimeDelta,
  { field: name, values }: CursorSettings<PyDateTime>,
): Dict {
  const value = get(state, name)
  if (lookback.isZero() || value === undefined || !truth(value)) return state
  const earlier = copy(state)
  set(earlier, name, values.write(subtractFromDateTime(values.parse(value), lookback)))
  return earlier
}

export function datetimeRequestOptions(context: CursorContext): RequestOptions {
  const { definition, builder, stream } = context
  // The reference evaluates these names with the parameters of the stream, and the slice's own with the
  // cursor's.
  const parameters = parametersOf(stream)
  return cursorRequestOptions([
    {
      option: compileOption(definition, 'start_time_option', builder),
      sliceField: sliceField(context, 'partition_field_start', parameters),
    },
    {
      option: compileOption(definition, 'end_time_option', builder),
      sliceField: sliceField(context, 'partition_field_end', parameters),
    },
  ])
}

function sliceField(
  { definition, builder }: CursorContext,
  name: 'partition_field_start' | 'partition_field_end',
  parameters: Dict,
): string {
  const configured = optionalText(definition, name) ?? ''
  const fallback = name === 'partition_field_start' ? 'start_time' : 'end_time'
  const template = builder.templates.string(configured === '' ? fallback : configured, {
    parameters,
  })
  return str(template({ config: builder.config }))
}

/** Compiles the templates of the rules; the result evaluates them. */
function rulesCompiler(
  { definition, builder, streamName }: CursorContext,
  granularity: PyTimeDelta | null,
): () => WindowRules<PyDateTime> {
  const parameters = parametersOf(definition)
  const inherited = { streamName, format: text(definition, 'datetime_format'), parameters }
  const start = compileMinMaxDatetime(field(definition, 'start_datetime') ?? '', builder, {
    ...inherited,
    name: 'start_datetime',
  })
  const endTemplate = field(definition, 'end_datetime') ?? null
  const present = (): PyDateTime =>
    PyDateTime.ofEpochMicros(BigInt(builder.environment.nowMicros()))
  const end = truth(endTemplate)
    ? compileMinMaxDatetime(endTemplate, builder, { ...inherited, name: 'end_datetime' })
    : present
  const lookback = compileDuration(definition, 'lookback_window', { builder, streamName })
  const step = compileDuration(definition, 'step', { builder, streamName })
  const clamp = clampCompiler(definition, builder)
  return () => {
    const clampOf = clamp()
    const lookbackWindow = nonZero(lookback())
    const last = clampOf === null ? end : clampedEnd(clampOf, end, granularity)
    const startTime = start()
    requireStepWithGranularity(definition, granularity)
    return {
      start: startTime,
      end: last,
      granularity: granularityOf(nonZero(granularity)),
      step: stepOf(step(), last),
      lookback:
        lookbackWindow === null ? null : (time) => subtractFromDateTime(time, lookbackWindow),
      clamp: clampOf === null ? (time) => time : (time) => clampOf.clamp(time, 'ceiling'),
      compareStrictly: flag(definition, 'is_compare_strictly', false),
    }
  }
}

function granularityOf(granularity: PyTimeDelta | null): WindowRules<PyDateTime>['granularity'] {
  if (granularity === null) return null
  return {
    plus: (time) => addToDateTime(time, granularity),
    minus: (time) => subtractFromDateTime(time, granularity),
  }
}

/** Without a step, or with one beyond all times, the window goes to the end. */
function stepOf(step: PyTimeDelta | null, end: () => PyDateTime): WindowRules<PyDateTime>['step'] {
  if (step === null) return end
  if (step.isZero()) return null
  return (time) => {
    try {
      return addToDateTime(time, step)
    } catch (error) {
      if (error instanceof PythonError && error.kind === 'OverflowError') return end()
      throw error
    }
  }
}

function requireStepWithGranularity(definition: PlainDict, granularity: PyTimeDelta | null): void {
  const hasStep = truth(field(definition, 'step') ?? null)
  if (hasStep === (granularity !== null)) return
  throw valueError(
    `If step is defined, cursor_granularity should be as well and vice-versa. Right now, step is ${hasStep ? '' : 'not '}defined and cursor_granularity is ${hasStep ? 'not ' : ''}defined.`,
  )
}

/** An ISO 8601 duration, or null if the template is absent or empty. */
function compileDuration(
  definition: PlainDict,
  name: string,
  { builder, streamName }: Pick<CursorContext, 'builder' | 'streamName'>,
): () => PyTimeDelta | null {
  const template = optionalText(definition, name) ?? ''
  if (template === '') return () => null
  const evaluate = builder.templates.string(template, { parameters: parametersOf(definition) })
  return () => {
    const duration = evaluate({ config: builder.config })
    if (!truth(duration)) return null
    if (typeof duration !== 'string') throw typeError(`Expecting a string in "${name}"`)
    return durationAt(`${name} of stream ${streamName}`, duration, template)
  }
}

interface Clamping {
  readonly clamp: Clamp
  readonly target: string
}

function clampCompiler(definition: PlainDict, builder: Builder): () => Clamping | null {
  const clamping = optionalDict(definition, 'clamping')
  if (clamping === undefined) return () => null
  const evaluate = builder.templates.string(get(clamping, 'target') ?? '', {
    parameters: parametersOf(definition),
  })
  const details: Value = get(clamping, 'target_details') ?? null
  return () => {
    const target = str(evaluate({ config: builder.config }))
    return { target, clamp: clampTo(target, weekdayOf(details)) }
  }
}

function weekdayOf(details: Value): string | undefined {
  const weekday = isDict(details) ? get(details, 'weekday') : undefined
  return typeof weekday === 'string' ? weekday : undefined
}

/** The last unit before the current day, week or month. */
function clampedEnd(
  { clamp, target }: Clamping,
  end: () => PyDateTime,
  granularity: PyTimeDelta | null,
): () => PyDateTime {
  const unit = granularity ?? parseIsoDuration(target === 'DAY' ? 'PT1S' : 'P1D')
  return () => subtractFromDateTime(clamp(end(), 'floor'), unit)
}

/** The two halves of a window, a unit of granularity apart; null if it is as small as it can be. */
function halveWindow(
  [start, end]: Window<PyDateTime>,
  granularity: PyTimeDelta | null,
  minimum: string | null,
): readonly Window<PyDateTime>[] | null {
  if (granularity === null || granularity.isCalendar || granularity.micros <= 0n) return null
  if (compareDateTimes(start, end) >= 0) return null
  const span = elapsed(end, start).micros
  if (minimum !== null && span <= parseIsoDuration(minimum).micros) return null
  const unit = granularity.micros
  const units = span / unit + 1n
  if (units <= 1n) return null
  const firstEnd = addToDateTime(start, new PyTimeDelta((units / 2n - 1n) * unit))
  const secondStart = addToDateTime(firstEnd, granularity)
  if (compareDateTimes(secondStart, end) > 0) return null
  return [
    [start, firstEnd],
    [secondStart, end],
  ]
}
