import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import type { LogConfig } from '../../engine/run-types.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { builtProgram } from '../built-program.ts'
import { measureProgram, nodeFlags } from '../measured-process.ts'
import type { TableKind } from '../table-shape.ts'
import { pipeEngineTables } from './pipe-turns.ts'
import type { Mode, Shape } from './shapes.ts'
import {
  emptyWarehouse,
  type Contender,
  type Measured,
  type Turn,
  type TurnContext,
} from './turn.ts'

const loads = {
  append: { load: 'append', kind: 'no_key' },
  append_dedup_first: { load: 'append_dedup', kind: 'key' },
  append_dedup_second: { load: 'append_dedup', kind: 'key' },
  overwrite_new: { load: 'overwrite', kind: 'of_source' },
  overwrite_existing: { load: 'overwrite', kind: 'of_source' },
} as const satisfies Record<Mode, { load: string; kind: TableKind | 'of_source' }>

/** The kind of the tables that the engine makes in this mode: an overwrite makes the source's primary key. */
export function kindOf(mode: Mode, { tables }: Pick<Shape, 'tables'>): TableKind {
  const { kind } = loads[mode]
  if (kind !== 'of_source') return kind
  return tables.every(({ key }) => key !== undefined) ? 'key' : 'no_key'
}

/**
 * The built program as a user runs it, once for each mode of a case, in processes of their own. It finds and
 * makes the tables itself. The rows that it appended go once more through a pipe.
 */
export function engineTurn(context: TurnContext, modes: readonly Mode[], log: LogConfig): Turn {
  const isPiped = modes.length === 1 && modes[0] === 'append' && log.kind === 'embedded'
  return {
    contenders: [
      ...modes.map((mode) => contenderOf(context, mode, log)),
      ...(isPiped ? [enginePipe] : []),
    ],
    async run(verify) {
      await using folder = await temporaryFolder('bench-shapes')
      // A connection of its own: its checkpoints and topics are new.
      const connection = `bench-${Date.now().toString(36)}`
      await emptyWarehouse(context)
      const results: Measured[] = []
      for (const mode of modes) {
        const file = join(folder.path, 'run.yaml')
        await writeFile(file, JSON.stringify(runFileOf(context, { connection, mode, log })))
        await context.bench.warehouse('CHECKPOINT')
        const argv = ['connect', 'run', file]
        results.push(await measureProgram(builtProgram, argv, { flags: nodeFlags }))
        await verify(kindOf(mode, context.shape))
      }
      if (isPiped) {
        results.push(await pipeEngineTables(context))
        await verify(enginePipe.kind)
      }
      if (log.kind === 'kafka') await deleteTopics(log.brokers, connection)
      return results
    },
  }
}

const enginePipe: Contender = {
  program: 'binary pipe',
  mode: 'engine_tables',
  log: null,
  kind: 'no_key',
}

function contenderOf(
  { shape }: Pick<TurnContext, 'shape'>,
  mode: Mode,
  { kind: log }: LogConfig,
): Contender {
  return {
    program: 'reactor-connect',
    mode,
    log: log === 'kafka' ? 'kafka (block)' : 'embedded',
    kind: kindOf(mode, shape),
  }
}

/** JSON is YAML. */
function runFileOf(
  { bench, metadata }: TurnContext,
  run: { readonly connection: string; readonly mode: Mode; readonly log: LogConfig },
): object {
  const { server } = bench
  const { log } = run
  return {
    connection: run.connection,
    ...(log.kind === 'kafka' && { log: { kafka: { brokers: log.brokers, framing: 'block' } } }),
    source: { type: 'postgres', config: { ...server.address, schemas: ['public'] } },
    destination: {
      type: 'postgres',
      config: { ...server.address, database: 'warehouse', schema: 'public' },
    },
    metadata,
    defaults: { sync_mode: 'full_refresh', destination_sync_mode: loads[run.mode].load },
  }
}

/** 300 topics a turn would slow down the broker of the turns after it. */
async function deleteTopics(brokers: readonly string[], connection: string): Promise<void> {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    const topics = await admin.listTopics()
    const own = topics.filter((topic) => topic.startsWith(`connect.${connection}.`))
    await admin.deleteTopics({ topics: own })
  } finally {
    await admin.disconnect()
  }
}
