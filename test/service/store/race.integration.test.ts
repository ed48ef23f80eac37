import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openTestStore } from '../../support/open-test-store.ts'

interface Racer {
  /** Resolves when it waits for the start. */
  readonly ready: Promise<unknown>
  /** Lets it go. Gives the names of what it won. */
  race(): Promise<readonly string[]>
}

function startRacer(url: string): Racer {
  const script = fileURLToPath(new URL('racer.ts', import.meta.url))
  const child = spawn(process.execPath, [script, url], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = Promise.all([text(child.stdout), once(child, 'exit')])
  return {
    ready: Promise.race([once(child.stdout, 'data'), ended]),
    race: async () => {
      child.stdin.end('go\n')
      const [output] = await ended
      return output.split('\n').filter((line) => line !== '' && line !== 'ready')
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
  const won = await Promise.all(racers.map((racer) => racer.race()))
  const all = won.flat().toSorted()
  const expected = Array.from({ length: 200 }, (_, index) => index + 1).flatMap((n) => [
    `run_${n}`,
    `time of con_${n}`,
  ])
  expect(all).toEqual([...expected, 'first key'].toSorted())
  expect(won.filter((names) => names.length > 1).length).toBeGreaterThan(1)
})
