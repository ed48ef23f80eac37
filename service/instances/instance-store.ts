import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import type { CredentialStatus, Instance } from './schema.ts'
import type { Page, PageRequest, ShownOnly } from '../platform/lists.ts'
import { violatedConstraint, type Database, type Row } from '../platform/database/database.ts'
import { newId } from '../platform/database/ids.ts'
import { pageOf, pagePlace, readShown } from '../platform/database/page.ts'
import { Conditions } from '../platform/database/statement.ts'
import type { InstanceChange, InstanceStore, NewInstance } from './contract.ts'

interface InstanceRow extends Row {
  readonly id: string
  readonly name: string
  readonly type: string
  readonly config: JsonObject
  readonly secrets: readonly string[]
  readonly credentials: CredentialStatus
  readonly version: number
  readonly created_at: Date
  readonly updated_at: Date
}

const columns = 'id, name, type, config, secrets, credentials, version, created_at, updated_at'

export class Instances implements InstanceStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async create({ name, type, config, secrets, credentials }: NewInstance): Promise<Instance> {
    const rows = await this.#database
      .query<InstanceRow>(
        `INSERT INTO reactor_connect_service.instances (id, name, type, config, secrets, credentials)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING ${columns}`,
        [newId('ins'), name, type, JSON.stringify(config), JSON.stringify(secrets), credentials],
      )
      .catch((error: unknown) => {
        if (violatedConstraint(error) !== 'instances_name') throw error
        throw new ConnectError('name_taken', { details: { kind: 'instance', name } })
      })
    return instanceOf(rows[0], name)
  }

  async get(name: string): Promise<Instance> {
    const [row] = await this.#database.query<InstanceRow>(
      `SELECT ${columns} FROM reactor_connect_service.instances WHERE name = $1`,
      [name],
    )
    return instanceOf(row, name)
  }

  async list(
    request: PageRequest & ShownOnly & { readonly type?: string },
  ): Promise<Page<Instance>> {
    const place = pagePlace('instances', request)
    const key = (row: InstanceRow): string => row.name
    const read = (after: string | null, count: number): Promise<InstanceRow[]> => {
      const { and, values } = new Conditions().add('type =', request.type).add('name >', after)
      return this.#database.query<InstanceRow>(
        `SELECT ${columns} FROM reactor_connect_service.instances WHERE true${and}
         ORDER BY name LIMIT ${String(count)}`,
        values,
      )
    }
    const rows = await readShown(place, read, { key, shown: request.shown })
    const item = (row: InstanceRow): Instance => instanceOf(row, row.name)
    return pageOf(rows, place, { list: 'instances', key, item })
  }

  async update(name: string, change: InstanceChange, ifVersion?: number): Promise<Instance> {
    const { config, secrets, credentials } = change
    const [row] = await this.#database.query<InstanceRow>(
      `UPDATE reactor_connect_service.instances SET
         config = coalesce($3, config),
         secrets = coalesce($4, secrets),
         credentials = coalesce($5, credentials),
         config_version = config_version + CASE WHEN $3::json IS NULL THEN 0 ELSE 1 END,
         version = version + 1,
         updated_at = now()
       WHERE name = $1 AND version = coalesce($2, version) RETURNING ${columns}`,
      [name, ifVersion, jsonOf(config), jsonOf(secrets), credentials],
    )
    return row === undefined ? this.#missing(name, ifVersion) : instanceOf(row, name)
  }

  async delete(name: string, ifVersion?: number): Promise<Instance> {
    const [row] = await this.#database
      .query<InstanceRow>(
        `DELETE FROM reactor_connect_service.instances
         WHERE name = $1 AND version = coalesce($2, version) RETURNING ${columns}`,
        [name, ifVersion],
      )
      .catch((error: unknown) => {
        if (violatedConstraint(error) !== 'connections_instance') throw error
        throw new ConnectError('instance_in_use', {
          details: { instance: name, used_by: 'connections' },
        })
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

function jsonOf(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value)
}

function instanceOf(row: InstanceRow | undefined, name: string): Instance {
  if (row === undefined)
    throw new ConnectError('instance_not_found', { details: { instance: name } })
  const { id, type, config, secrets, credentials, version } = row
  return {
    id,
    name: row.name,
    type,
    config,
    secrets,
    credentials,
    version,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}
