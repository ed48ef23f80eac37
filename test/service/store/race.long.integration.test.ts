import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openTestStore } from '../../support/open-test-store.ts'

/**
 * All start each round together, so that a process which the machine lets run late takes part in the next
 * one.
 */
const rounds = 20
const runsOfRound = 10

interface Racer {
  /** Resolves when it waits for its first round. */
  readonly ready: Promise<unknown>
  race(round: number): Promise<unknown>
  /** Gives the names of what it won. */
  end(): Promise<readonly string[]>
}

function startRacer(url: string): Racer {
  const script = fileURLToPath(new URL('racer.ts', import.meta.url))
  const argv = [script, url, String(runsOfRound)]
  const child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    ready: lines.next(),
    race: (round) => {
      child.stdin.write(`${String(round)}\n`)
      return lines.next()
    },
    end: async () => {
      child.stdin.end()
      const won: string[] = []
      for (let line = await lines.next(); line.done !== true; line = await lines.next())
        if (line.value !== '') won.push(line.value)
      return won
    },
  }
}

test('exactly one of several racing processes wins each run, the first key and each time of a schedule', async () => {
  await using opened = await openTestStore()
  const { database } = opened
  await database.query(`
    WITH shop AS (
      INSERT INTO reactor_connect_service.instances (id, name, type, config, secrets, credentials)
      VALUES ('i', 'shop', 'postgres', '{}', '[]', 'ready') RETURNING id
    ), made AS (
      INSERT INTO reactor_connect_service.connections
        (id, name, instance_id, destination, options, status, next_run_at)
      SELECT 'con_' || n, 'c' || n, shop.id, 'data:d', '{}', 'active', '2030-01-01Z'
      FROM shop, generate_series(1, 200) AS n RETURNING id
    )
    INSERT INTO reactor_connect_service.runs (id, connection_id, trigger)
    SELECT replace(id, 'con', 'run'), id, 'manual' FROM made`)
  const racers = [1, 2, 3].map(() => startRacer(database.url))
  await Promise.all(racers.map(({ ready }) => ready))
  for (let round = 0; round < rounds; round++)
    await Promise.all(racers.map((racer) => racer.race(round)))
  const won = await Promise.all(racers.map((racer) => racer.end()))
  const all = won.flat().toSorted()
  const expected = Array.from({ length: 200 }, (_, index) => index + 1).flatMap((n) => [
    `run_${n}`,
    `time of con_${n}`,
  ])
  expect(all).toEqual([...expected, 'first key'].toSorted())
  expect(won.filter((names) => names.length > 1).length).toBeGreaterThan(1)
})
