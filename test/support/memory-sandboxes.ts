import { randomBytes } from 'node:crypto'
import { ConnectError, type ErrorBody } from '../../protocol/index.ts'
import type { ConnectionService } from '../../service/connections/contract.ts'
import type { Page, PageRequest } from '../../service/platform/lists.ts'
import type { Run } from '../../service/runs/schema.ts'
import type {
  FinishedSandbox,
  Sandbox,
  SandboxFindings,
  SandboxSummary,
  StreamRows,
} from '../../service/sandboxes/schema.ts'
import type {
  PromoteInput,
  Promotion,
  SandboxInput,
  SandboxService,
} from '../../service/sandboxes/contract.ts'
import { ulid } from '../../service/platform/database/ids.ts'

/** What they work with. */
interface MemoryParts {
  readonly connections: Pick<ConnectionService, 'get' | 'activate'>
  readonly runs: { start(connection: string, trigger: Run['trigger']): Promise<Run> }
}

interface Kept extends FinishedSandbox {
  readonly version: number
  promotedRun: string | null
}

/** The contract of sandboxes in memory, for tests of the HTTP surface: every sandbox finds the same. */
export class MemorySandboxes implements SandboxService {
  /** The first stream of later sandboxes fails with it. */
  failure: ErrorBody | undefined
  readonly #service: MemoryParts
  readonly #kept: Kept[] = []

  constructor(service: MemoryParts) {
    this.#service = service
  }

  async run(connection: string, input: SandboxInput): Promise<FinishedSandbox> {
    const { version } = await this.#service.connections.get(connection)
    const now = Date.now()
    const id = `sbx_${ulid(now)}`
    const sandbox: Kept = {
      id,
      connection,
      version,
      status: 'ready',
      promotedRun: null,
      limitRows: input.limitRows,
      principal: input.principal,
      createdAt: new Date(now).toISOString(),
      expiresAt: new Date(now + 3_600_000).toISOString(),
      report: failedReport(sampleReport(id, input.limitRows), this.failure),
      ...tokenOf(input, this.failure),
    }
    this.#kept.unshift(sandbox)
    return sandbox
  }

  async get(connection: string, id: string): Promise<Sandbox> {
    return { ...(await this.#find(connection, id)), error: null }
  }

  async list(connection: string, { limit = 50 }: PageRequest): Promise<Page<SandboxSummary>> {
    await this.#service.connections.get(connection)
    const all = this.#kept.filter((one) => one.connection === connection)
    return { items: all.slice(0, limit), next: null }
  }

  async rows(connection: string, id: string): Promise<readonly StreamRows[]> {
    const { report } = await this.#find(connection, id)
    return report.streams.map(({ name, namespace, sample_rows, row_examples }) => ({
      name,
      sample_rows,
      row_examples,
      ...(namespace !== undefined && { namespace }),
    }))
  }

  async delete(
    connection: string,
    id: string,
    { onlyOf }: { readonly onlyOf?: string } = {},
  ): Promise<void> {
    const kept = await this.#find(connection, id)
    if (onlyOf !== undefined && kept.principal !== onlyOf)
      throw new ConnectError('sandbox_of_another', { details: { connection, sandbox: id } })
    this.#kept.splice(this.#kept.indexOf(kept), 1)
  }

  async promote(name: string, { token, principal }: PromoteInput): Promise<Promotion> {
    const { version } = await this.#service.connections.get(name)
    const kept = this.#kept.find(({ promoteToken }) => promoteToken === token)
    const details = { connection: name }
    if (kept?.connection !== name || kept.principal !== principal)
      throw new ConnectError('promote_token_invalid', { details })
    const { promotedRun: run, limitRows } = kept
    if (run !== null) throw new ConnectError('promote_token_used', { details: { ...details, run } })
    if (version !== kept.version) {
      const sandbox = await this.run(name, { limitRows, principal })
      return { state: 'outdated', sandbox: kept.id, moved: ['connection'], again: { sandbox } }
    }
    await this.#service.connections.activate(name)
    const started = await this.#service.runs.start(name, 'promote')
    kept.promotedRun = started.id
    const connection = await this.#service.connections.get(name)
    return { state: 'promoted', sandbox: kept.id, connection, run: started }
  }

  async #find(connection: string, id: string): Promise<Kept> {
    await Promise.resolve()
    const found = this.#kept.find((one) => one.id === id && one.connection === connection)
    if (found !== undefined) return found
    throw new ConnectError('sandbox_not_found', { details: { connection, sandbox: id } })
  }
}

function tokenOf(
  { streams }: SandboxInput,
  failure: ErrorBody | undefined,
): Pick<FinishedSandbox, 'promoteToken' | 'tokenWithheld'> {
  if (failure !== undefined) return { promoteToken: null, tokenWithheld: 'failed_streams' }
  if (streams !== undefined) return { promoteToken: null, tokenWithheld: 'some_streams' }
  return { promoteToken: newToken(), tokenWithheld: null }
}

function failedReport(report: SandboxFindings, failure: ErrorBody | undefined): SandboxFindings {
  const [first, ...others] = report.streams
  if (failure === undefined || first === undefined) return report
  const totals = { ...report.totals, failed: 1 }
  return { ...report, totals, streams: [{ ...first, error: failure }, ...others] }
}

function newToken(): string {
  const part = (): string => randomBytes(32).toString('base64url')
  return `rpt.${ulid(Date.now())}.${part()}.${part()}`
}

/** Everything that a report may hold, once. */
export function sampleReport(id: string, limitRows: number): SandboxFindings {
  const cost = { rows: 250, bytes: 12_000, requests: null, seconds: 1.5 }
  return {
    id,
    schema: `reactor_sandbox_${id}`,
    limit_rows: limitRows,
    status: 'partial',
    seconds: 0.8,
    streams: [
      {
        name: 'orders',
        namespace: 'public',
        mode: 'append_dedup',
        sync_mode: 'incremental',
        primary_key: [['id']],
        cursor_field: ['updated_at'],
        last_settings: {
          mode: 'append_dedup',
          sync_mode: 'incremental',
          primary_key: [['number']],
          cursor_field: ['updated_at'],
        },
        table: { schema: 'shop', name: 'orders' },
        read: 100,
        rejected: 1,
        complete: false,
        declared_schema: { type: 'object' },
        inferred_schema: { type: 'object' },
        schema_mismatches: [
          { field: 'age', kind: 'type', declared: 'bigint', found: ['string'], records: 4 },
          { field: 'colour', kind: 'undeclared', declared: null, found: ['string'], records: 2 },
        ],
        sample_rows: [
          { id: '1', note: 'first' },
          { id: '2', note: null },
        ],
        row_examples: {
          inserted: [{ id: '61', note: 'new', total: '9' }],
          changed: [
            {
              key: { id: '7' },
              cells: [
                { column: 'note', from: 'old', to: 'new' },
                { column: 'total', from: '12', to: null },
              ],
            },
          ],
          deleted: [{ id: '3' }],
        },
        diff_vs_current: {
          table_exists: true,
          added_columns: [{ name: 'note', type: 'text' }],
          removed_columns: [{ name: 'old', type: 'boolean' }],
          own_columns: [{ name: 'reviewed', type: 'boolean' }],
          type_changes: [{ name: 'total', from: 'bigint', to: 'numeric' }],
          rows: { insert: 60, update: 40, unchanged: 0, delete: 1 },
          at_least: ['insert', 'update', 'unchanged', 'delete'],
          table_rows: { rows: 5_000, exact: false },
          estimated_delete: null,
          nulled_values: [{ column: 'total', rows: 3 }],
          reset_values: [{ column: 'reviewed', rows: 1 }],
          dependent_rows: [
            {
              schema: 'shop',
              table: 'lines',
              constraint: 'lines_order_fkey',
              action: 'deleted',
              rows: 2,
            },
          ],
          dependent_views: [{ schema: 'reporting', name: 'by_day', columns: ['id', 'total'] }],
        },
        estimated_cost: cost,
        warnings: ['the source counts slowly'],
      },
      {
        name: 'users',
        mode: 'overwrite',
        sync_mode: 'full_refresh',
        primary_key: [],
        cursor_field: [],
        last_settings: null,
        table: { schema: 'shop', name: 'users' },
        read: 5,
        rejected: 0,
        complete: true,
        declared_schema: {},
        inferred_schema: null,
        schema_mismatches: [],
        sample_rows: [],
        row_examples: { inserted: [], changed: [], deleted: [] },
        diff_vs_current: {
          table_exists: false,
          added_columns: [{ name: 'id', type: 'bigint' }],
          removed_columns: [],
          own_columns: [],
          type_changes: [],
          nulled_values: [],
          reset_values: [],
          dependent_rows: [],
          dependent_views: [],
          rows: { insert: 5, update: 0, unchanged: 0, delete: 0 },
          at_least: [],
          table_rows: null,
          estimated_delete: null,
        },
        estimated_cost: { rows: 5, bytes: 100, requests: null, seconds: 0.1 },
        warnings: [],
      },
    ],
    schema_drift: {
      policy: 'propagate',
      changes: [
        {
          name: 'orders',
          namespace: 'public',
          change: 'changed',
          columns_left: 0,
          added_columns: [{ name: 'note', type: 'string' }],
          removed_columns: [{ name: 'old', type: 'boolean' }],
          type_changes: [{ name: 'total', from: 'integer', to: 'number' }],
          primary_key: { from: [['number']], to: [['id']] },
          cursor: null,
          sync_modes: null,
        },
      ],
      total: 1,
      ignored_run: null,
    },
    totals: {
      streams: 2,
      failed: 0,
      cut: 1,
      read: 105,
      rows: { insert: null, update: null, unchanged: null, delete: null },
      rows_at_least: { insert: 65, update: 40, unchanged: 0, delete: 1 },
      estimated_cost: cost,
    },
  }
}
