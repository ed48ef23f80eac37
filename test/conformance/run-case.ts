import { connectorSpecification } from '../../manifest-interpreter/config/connector-specification.ts'
import { loadManifest } from '../../manifest-interpreter/manifest/load-manifest.ts'
import { ManifestSource } from '../../manifest-interpreter/source/manifest-source.ts'
import { isDict } from '../../manifest-interpreter/value/dict.ts'
import { parseJson } from '../../manifest-interpreter/value/json.ts'
import { CaseFolder, type Phase, prefixOf } from './case-files.ts'
import { CollectedMessages } from './collect-messages.ts'
import { firstDifference, waitDifference } from './compare.ts'
import { FrozenEnvironment } from './frozen-environment.ts'
import { TapeTransport } from './tape-transport.ts'
import type { Dict } from '../../manifest-interpreter/value/value.ts'

export interface CaseFailure {
  readonly phase: Phase
  /** The first difference. */
  readonly reason: string
}

/**
 * Runs all phases of a case through the code that production uses; null if each did what the reference does.
 */
export async function runCase(path: string): Promise<CaseFailure | null> {
  const folder = new CaseFolder(path)
  for (const phase of ['spec', 'check', 'discover', 'read', 'read2'] as const) {
    if (folder.file.phases[phase] === undefined || isFaultOfRecording(folder, phase)) continue
    const reason = await runPhase(folder, phase)
    if (reason !== null) return { phase, reason }
  }
  return null
}

/**
 * When the cases were recorded, `spec` was called twice on one object, and the reference fails the second
 * time if the manifest has `advanced_auth`. The expected result is then no statement about a manifest.
 */
function isFaultOfRecording(folder: CaseFolder, phase: Phase): boolean {
  const [first] = folder.expected(phase)
  return (
    phase === 'spec' &&
    first?.type === 'RAISED' &&
    first.class === 'AttributeError' &&
    first.message === "'str' object has no attribute 'value'"
  )
}

async function runPhase(folder: CaseFolder, phase: Phase): Promise<string | null> {
  const { file } = folder
  const transport = new TapeTransport(folder.exchanges(phase))
  const collected = new CollectedMessages()
  const environment = new FrozenEnvironment({
    frozenTime: file.frozen_time,
    sleepAdvancesClock: file.sleep_advances_clock,
    uuid: file.uuid,
    transport,
    manifestDirectory: folder.path,
    emit: collected.side,
  })
  try {
    await runCommand(folder, phase, { environment, collected })
  } catch (error) {
    collected.raised(error)
  }
  const difference =
    firstDifference(folder.expected(phase), collected.messages()) ??
    transport.differences()[0] ??
    waits(folder, phase, environment)
  if (difference === null) return null
  const causes = collected.causes().slice(0, 3)
  return causes.length === 0 ? difference : `${difference}\n  cause: ${causes.join('\n  cause: ')}`
}

function waits(folder: CaseFolder, phase: Phase, environment: FrozenEnvironment): string | null {
  const expected = folder.file.phases[phase]?.waits
  // If the clock moves while something sleeps, waits depend on what runs beside it.
  if (expected === undefined || folder.file.sleep_advances_clock) return null
  return waitDifference(expected, environment.waits)
}

async function runCommand(
  folder: CaseFolder,
  phase: Phase,
  { environment, collected }: { environment: FrozenEnvironment; collected: CollectedMessages },
): Promise<void> {
  const manifest = loadManifest(folder.manifest())
  const isWaiting = (folder.file.phases[phase]?.waits ?? []).length > 0
  await using source = new ManifestSource({
    manifest,
    config: dictOf(folder, 'config.json'),
    environment,
    // Responses to requests that fail depend on the order in which the requests arrive, and the reference
    // read one slice at a time.
    ...(isWaiting && { concurrency: 1 }),
  })
  switch (phase) {
    case 'spec':
      collected.spec(connectorSpecification(manifest))
      return
    case 'check':
      collected.status(await source.check())
      return
    case 'discover':
      collected.catalog(await source.discover(), comparedStreams(folder))
      return
    case 'read':
    case 'read2': {
      const state = parseJson(folder.text(`${prefixOf(phase)}state_in.json`) ?? '[]')
      const catalog = dictOf(folder, 'catalog.json')
      await source.read({ catalog, state: Array.isArray(state) ? state : [] }, collected)
    }
  }
}

/**
 * The case of a large connector holds only the streams that are read, and the names of all streams. Null if
 * the case holds all streams.
 */
function comparedStreams(folder: CaseFolder): ReadonlySet<string> | null {
  const expected = folder.expected('discover')
  if (!expected.some(({ type }) => type === 'CATALOG_NAMES')) return null
  const streams = expected.filter(({ type }) => type === 'CATALOG_STREAM')
  return new Set(streams.map(({ stream }) => nameOf(stream)))
}

function nameOf(stream: unknown): string {
  return typeof stream === 'object' && stream !== null && 'name' in stream
    ? String(stream.name)
    : ''
}

function dictOf(folder: CaseFolder, name: string): Dict {
  const value = parseJson(folder.text(name) ?? '{}')
  if (!isDict(value)) throw new TypeError(`${name} of the case is no object`)
  return value
}
