import { ConnectError } from '../../protocol/index.ts'
import { fieldOf, lastLineStart } from './copy-line.ts'
import { rangeQuery } from './range-query.ts'
import { interrupted, type SliceRead } from './slice-read.ts'
import { StatePace } from './state-pace.ts'
import type { RangeState, WholeState } from './states.ts'
import type { SourceColumn } from './stream-source.ts'

/** Reads a range in the order of its key, from where the state says; resumable after every state. */
export async function readRange(
  read: SliceRead,
  initial: RangeState,
): Promise<'complete' | 'stopped'> {
  const { source, session, out, signal } = read
  const key = keyOfState(read, initial)
  const copy = session.copy(rangeQuery(source, initial), { stream: source.name })
  const pace = new StatePace(read.stateRows)
  let state = initial
  for (let chunk = await copy.next(signal); chunk !== undefined; chunk = await copy.next(signal)) {
    state = { ...state, after: keyOfLastLine(chunk.bytes, key) }
    await out.copyText(chunk.bytes)
    pace.gave(chunk)
    if (pace.due) {
      await out.state(state)
      pace.covered()
    }
  }
  if (!signal.aborted) {
    await out.state({ ...state, done: true })
    return 'complete'
  }
  await out.state(state)
  return 'stopped'
}

/** Reads a stream that has no key: one state, at its end. A stop before that throws, so that the records are discarded. */
export async function readWhole(read: SliceRead): Promise<'complete' | 'stopped'> {
  const { source, session, out, signal } = read
  const copy = session.copy(`SELECT ${source.selectList} FROM ${source.from}`, {
    stream: source.name,
  })
  for (let chunk = await copy.next(signal); chunk !== undefined; chunk = await copy.next(signal)) {
    await out.copyText(chunk.bytes)
  }
  if (signal.aborted) throw interrupted(read, 'it has no key to continue by')
  const done: WholeState = { kind: 'whole', done: true }
  await out.state(done)
  return 'complete'
}

function keyOfState({ source }: SliceRead, state: RangeState): readonly SourceColumn[] {
  const names = source.key.map(({ name }) => name)
  if (JSON.stringify(names) === JSON.stringify(state.key)) return source.key
  const now = names.length === 0 ? 'none that is selected' : names.join(', ')
  const reason = `it was written for the key ${state.key.join(', ')}; the table's key is now ${now}`
  throw new ConnectError('source_state_invalid', { details: { stream: source.name, reason } })
}

function keyOfLastLine(lines: Buffer, key: readonly SourceColumn[]): string[] {
  const start = lastLineStart(lines)
  return key.map(({ index }) => fieldOf(lines, start, index) ?? '')
}
