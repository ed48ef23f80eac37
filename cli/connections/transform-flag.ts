import type { z } from 'zod'
import { functionNameOf } from '../../lib/net/function-address.ts'
import { streamLabel } from '../../protocol/stream-id.ts'
import { findAmong } from '../../plan/streams/find-stream.ts'
import type { connectionDocument } from '../../service/connections/schema.ts'
import { usageError } from '../usage-error.ts'

type Stream = NonNullable<z.output<typeof connectionDocument>['streams']>[number]

interface Choice {
  /** Undefined: all of them. */
  readonly stream: string | undefined
  /** Undefined: none. */
  readonly transform: string | undefined
}

/**
 * Streams with what `--transform` chooses for them: `function:NAME` for all, then `STREAM=function:NAME` for
 * one; `none` in place of a function.
 */
export function withTransforms(
  streams: readonly Stream[],
  flags: readonly string[],
): readonly Stream[] {
  const choices = flags.map(choiceOf)
  const forAll = choices.filter(({ stream }) => stream === undefined)
  const forOne = choices.flatMap(({ stream, ...choice }) =>
    stream === undefined ? [] : [{ ...choice, stream: streamNamed(stream, streams) }],
  )
  return streams.map((stream) => {
    const chosen = [...forAll, ...forOne.filter((choice) => choice.stream === stream)].at(-1)
    if (chosen === undefined) return stream
    const { transform, ...others } = { ...stream, transform: chosen.transform }
    return { ...others, ...(transform !== undefined && { transform }) }
  })
}

function choiceOf(flag: string): Choice {
  const equals = flag.lastIndexOf('=')
  const text = flag.slice(equals + 1)
  const stream = equals < 0 ? undefined : flag.slice(0, equals)
  if (text === 'none') return { stream, transform: undefined }
  if (functionNameOf(text) !== undefined) return { stream, transform: text }
  throw usageError(
    `--transform cannot be ${JSON.stringify(flag)}`,
    'Write `--transform function:NAME`, `--transform STREAM=function:NAME`, or `none` in place of the function. A name has letters, digits, - and _, at most 63.',
  )
}

function streamNamed(name: string, streams: readonly Stream[]): Stream {
  const known = streams.map((stream) => ({ ...stream, whole: stream }))
  const match = findAmong(known, { name }, 'the connection')
  if ('stream' in match) return match.stream.whole
  const fix = `${match.fix} The streams are: ${streams.map(streamLabel).join(', ')}.`
  throw usageError(`--transform: ${match.problem}`, fix)
}
