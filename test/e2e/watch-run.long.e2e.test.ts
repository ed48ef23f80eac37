import { expect, test } from 'vitest'
import { closedPort } from '../cli/reactor-command.ts'
import { serviceFolder } from '../support/service-process.ts'
import { startCommand } from './command.ts'

test('a run is watched to its end although the service is killed and started again', async () => {
  await using data = await serviceFolder()
  const address = { args: ['--bind', `127.0.0.1:${await closedPort()}`] }
  const service = await data.start(address)
  const environment = { HOME: data.path, REACTOR_CONNECT_DATA_DIR: data.path }
  const reactor = (line: readonly string[]): ReturnType<typeof startCommand> =>
    startCommand(line, { environment })
  const stream = { name: 'items', rows: 20_000, rows_per_second: 4_000, state_every: 500 }
  const config = JSON.stringify({ streams: [stream] })
  const create = 'connect instances create slow --type faker --config'.split(' ')
  expect(await reactor([...create, config]).end).toMatchObject({ code: 0 })
  const connect = 'connect connections create slow --from slow --dest data:slow --activate'.split(
    ' ',
  )
  expect(await reactor(connect).end).toMatchObject({ code: 0 })

  const watching = reactor('connect connections runs start slow --wait --json'.split(' '))
  await watching.output(/"loaded":[1-9]/)
  await service.kill9()
  await data.start(address)
  const { code, out } = await watching.end
  expect({
    code,
    last: JSON.parse(out.trimEnd().split('\n').at(-1) ?? '') as unknown,
  }).toMatchObject({
    code: 0,
    last: { type: 'result', exit_code: 0, run: { status: 'complete', attempts: 2 } },
  })
}, 90_000)
