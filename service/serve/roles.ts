import { ConnectError } from '../../protocol/index.ts'
import type { Settings } from '../platform/config/settings.ts'

/** The tasks of a process, from the settings. */
export interface Roles {
  readonly api: boolean
  /** Executes runs: the engine reads and loads a run in one process. */
  readonly worker: boolean
  readonly scheduler: boolean
}

/** Throws `roles_unavailable` for a reader without a sink, or a sink without a reader. */
export function rolesOf({ roles }: Pick<Settings, 'roles'>): Roles {
  const has = (role: Settings['roles'][number]): boolean => roles.includes(role)
  if (has('reader') !== has('sink')) {
    const reason = 'a run is read and loaded in one process, so reader and sink go together'
    throw new ConnectError('roles_unavailable', { details: { roles: roles.join(','), reason } })
  }
  return { api: has('api'), worker: has('reader'), scheduler: has('scheduler') }
}
