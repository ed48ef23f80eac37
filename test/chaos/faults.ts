import { setTimeout as delay } from 'node:timers/promises'
import type { Chances } from './chances.ts'
import type { EngineProcess } from './engine-process.ts'
import type { Side } from './compare-tables.ts'

export interface Killable {
  kill9(): Promise<void>
  stop(): Promise<void>
  restart(): Promise<void>
}

export interface Servers {
  readonly source: Killable & Side
  readonly destination: Killable & Side
  /** Absent when the log is embedded. */
  readonly broker?: Killable
}

export type FaultName = (typeof faultNames)[number]

const faultNames = [
  'engine killed',
  'engine killed',
  'engine killed',
  'engine interrupted',
  'source killed',
  'destination killed',
  'destination stopped',
  'broker killed',
  'destination sessions ended',
  'destination sessions ended',
  'source sessions ended',
  'destination and engine killed',
] as const

export function chooseFault(servers: Servers, chances: Chances): FaultName {
  return chances.pick(
    faultNames.filter((name) => servers.broker !== undefined || name !== 'broker killed'),
  )
}

/** Faults after which a server has to be started again. */
const outages: Partial<
  Record<
    FaultName,
    {
      readonly server: keyof Servers
      readonly how: 'kill9' | 'stop'
      readonly engineToo?: true
    }
  >
> = {
  'source killed': { server: 'source', how: 'kill9' },
  'destination killed': { server: 'destination', how: 'kill9' },
  'destination stopped': { server: 'destination', how: 'stop' },
  'broker killed': { server: 'broker', how: 'kill9' },
  'destination and engine killed': { server: 'destination', how: 'kill9', engineToo: true },
}

const endSessions = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name LIKE 'reactor%'`

/** Hurts a run that has begun, and puts right what it has broken. `spanMs`: how long such a run takes. */
export async function inflict(
  name: FaultName,
  target: {
    readonly engine: EngineProcess
    readonly servers: Servers
    readonly chances: Chances
    readonly spanMs: number
  },
): Promise<void> {
  const { engine, servers, chances, spanMs } = target
  const away = chances.between(0, 2_000)
  await delay(chances.between(0, Math.ceil(spanMs * 1.2)))
  const outage = outages[name]
  if (outage !== undefined) {
    const server = servers[outage.server]
    if (server === undefined) throw new Error(`there is no ${outage.server} to hurt`)
    await server[outage.how]()
    if (outage.engineToo === true) engine.process.kill('SIGKILL')
    await delay(away)
    await server.restart()
    return
  }
  if (name === 'engine killed' || name === 'engine interrupted') {
    engine.process.kill(name === 'engine killed' ? 'SIGKILL' : 'SIGINT')
    return
  }
  const server = name === 'source sessions ended' ? servers.source : servers.destination
  for (let times = chances.between(1, 5); times > 0 && !engine.hasEnded; times--) {
    await server.query(endSessions)
    await delay(chances.between(1, 400))
  }
}
