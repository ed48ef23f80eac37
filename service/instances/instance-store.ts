import { lookUps, type Batches } from '../../lib/async/batches.ts'
import { ConnectError } from '../../protocol/index.ts'
import {
  instanceSchema,
  instanceSummarySchema,
  type Instance,
  type InstanceSummary,
} from './schema.ts'
import type { Page, PageRequest, ShownOnly } from '../platform/lists.ts'
import { violatedConstraint, type Database, type Row } from '../platform/database/database.ts'
import { newId } from '../platform/database/ids.ts'
import { pageOf, pagePlace, readShown } from '../platform/database/page.ts'
import { assignments, selectColumns, resourceOf, setClause } from '../platform/database/rows.ts'
import { Conditions } from '../platform/database/statement.ts'
import type { InstanceChange, InstanceStore, NewInstance } from './contract.ts'

interface InstanceRow extends Row {
  readonly name: string
}

const table = 'reactor_connect_service.instances'
const columns = selectColumns(instanceSchema)
const summaryColumns = selectColumns(instanceSummarySchema)

/** The resources that use an instance, by the constraint that protects it. */
const usersOf: ReadonlyMap<string, string> = new Map([
  ['connections_instance', 'connections'],
  ['receivers_instance', 'webhook receivers'],
])

export class PostgresInstanceStore implements InstanceStore {
  readonly #database: Database
  /** Each call of an action looks for its instance. */
  readonly #found: Batches<string, InstanceRow | undefined>

  constructor(database: Database) {
    this.#database = database
    this.#found = lookUps(
      (names) =>
        database.query<InstanceRow>(
          `SELECT ${columns} FROM ${table} WHERE name = ANY($1::text[])`,
          [names],
        ),
      (row) => row.name,
    )
  }

  async create(input: NewInstance): Promise<Instance> {
    const { name } = input
    const made = assignments({ id: newId('ins'), ...input })
    const rows = await this.#database
      .query<InstanceRow>(
        `INSERT INTO ${table} (${made.columns.join(', ')})
         VALUES (${made.places.join(', ')}) RETURNING ${columns}`,
        made.values,
      )
      .catch((error: unknown) => {
        if (violatedConstraint(error) !== 'instances_name') throw error
        throw new ConnectError('name_taken', { details: { kind: 'instance', name } })
      })
    return instanceOf(rows[0], name)
  }

  async get(name: string): Promise<Instance> {
    return instanceOf(await this.#found.add(name), name)
  }

  async list(
    request: PageRequest & ShownOnly & { readonly type?: string },
  ): Promise<Page<InstanceSummary>> {
    const place = pagePlace('instances', request)
    const key = (row: InstanceRow): string => row.name
    const read = (after: string | null, count: number): Promise<InstanceRow[]> => {
      const { and, values } = new Conditions().add('type =', request.type).add('name >', after)
      return this.#database.query<InstanceRow>(
        `SELECT ${summaryColumns} FROM ${table} WHERE true${and}
         ORDER BY name LIMIT ${String(count)}`,
        values,
      )
    }
    const rows = await readShown(place, read, { key, shown: request.shown })
    const item = (row: InstanceRow): InstanceSummary => resourceOf(instanceSummarySchema, row)
    return pageOf(rows, place, { list: 'instances', key, item })
  }

  async update(name: string, change: InstanceChange, ifVersion?: number): Promise<Instance> {
    const changed = assignments(change, 3)
    const [row] = await this.#database.query<InstanceRow>(
      `UPDATE ${table} SET ${setClause(changed)}
         config_version = config_version + ${change.config === undefined ? '0' : '1'},
         version = version + 1,
         updated_at = now()
       WHERE name = $1 AND version = coalesce($2, version) RETURNING ${columns}`,
      [name, ifVersion, ...changed.values],
    )
    return row === undefined ? this.#missing(name, ifVersion) : instanceOf(row, name)
  }

  async delete(name: string, ifVersion?: number): Promise<Instance> {
    const [row] = await this.#database
      .query<InstanceRow>(
        `DELETE FROM ${table}
         WHERE name = $1 AND version = coalesce($2, version) RETURNING ${columns}`,
        [name, ifVersion],
      )
      .catch((error: unknown) => {
        const users = usersOf.get(violatedConstraint(error) ?? '')
        if (users === undefined) throw error
        throw new ConnectError('instance_in_use', { details: { instance: name, used_by: users } })
      })
    return row === undefined ? this.#missing(name, ifVersion) : instanceOf(row, name)
  }

  async #missing(name: string, expected: number | undefined): Promise<never> {
    const { version } = await this.get(name)
    throw new ConnectError('version_conflict', {
      details: { kind: 'Instance', name, actual: version, expected: expected ?? version },
    })
  }
}

function instanceOf(row: InstanceRow | undefined, name: string): Instance {
  if (row === undefined)
    throw new ConnectError('instance_not_found', { details: { instance: name } })
  return resourceOf(instanceSchema, row)
}
