import { copyPipe, type CopyFormat } from '../replicate/copy-pipe.ts'
import { createEmpty, type TableKind } from '../table-shape.ts'
import { pgcopydb } from './pgcopydb.ts'
import {
  emptyWarehouse,
  type Contender,
  type Measured,
  type Turn,
  type TurnContext,
} from './turn.ts'

/** Two processes of psql a table, one table after the other, into empty tables that are there. */
export function pipeTurn(context: TurnContext, kind: TableKind, format: CopyFormat): Turn {
  return loadingTurn(context, { program: `${format} pipe`, kind }, async () => {
    const { sourceUrl: fromUrl, warehouseUrl: toUrl } = context.bench
    return pipeAll(
      context.shape.tables.map(({ name }) => ({ fromUrl, from: name, toUrl, to: name, format })),
    )
  })
}

async function pipeAll(pipes: readonly Parameters<typeof copyPipe>[0][]): Promise<Measured> {
  let seconds = 0
  for (const pipe of pipes) seconds += (await copyPipe(pipe)).seconds
  return { seconds }
}

/**
 * The tables that the engine has loaded, with its types and metadata, into empty ones that are like them:
 * what the server takes for the same columns.
 */
export async function pipeEngineTables({ bench, shape }: TurnContext): Promise<Measured> {
  const { warehouseUrl: url } = bench
  const madeOf = (name: string): string => `made_${name}`
  const statements = shape.tables.flatMap(({ name }) => [
    `ALTER TABLE ${name} RENAME TO ${madeOf(name)}`,
    `CREATE TABLE ${name} (LIKE ${madeOf(name)})`,
    withOptionsOf(madeOf(name), name),
  ])
  await bench.warehouse(...statements, 'CHECKPOINT')
  const ends = { fromUrl: url, toUrl: url, format: 'binary' } as const
  return pipeAll(shape.tables.map(({ name }) => ({ ...ends, from: madeOf(name), to: name })))
}

/** LIKE leaves out the storage parameters of a table. */
function withOptionsOf(from: string, to: string): string {
  return `DO $options$
    DECLARE options text := (SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = '${from}'::regclass);
    BEGIN
      IF options <> '' THEN EXECUTE 'ALTER TABLE ${to} SET (' || options || ')'; END IF;
    END $options$`
}

export function pgcopydbTurn(context: TurnContext, kind: TableKind): Turn {
  return loadingTurn(context, { program: 'pgcopydb', kind }, () => pgcopydb(context.bench))
}

function loadingTurn(
  context: TurnContext,
  { program, kind }: Pick<Contender, 'program' | 'kind'>,
  load: () => Promise<Measured>,
): Turn {
  return {
    contenders: [{ program, mode: kind, log: null, kind }],
    async run(verify) {
      await emptyWarehouse(context)
      const tables = context.shape.tables.flatMap((table) => createEmpty(table, kind))
      await context.bench.warehouse(...tables, 'CHECKPOINT')
      const measured = await load()
      await verify(kind)
      return [measured]
    },
  }
}
