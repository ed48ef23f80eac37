import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect, test, vi } from 'vitest'
import { serviceFolder } from '../../../support/service-process.ts'

const line = /no file descriptors left/g
/** It changes the limit of a process that runs; not every system has it. */
const hasPrlimit = await promisify(execFile)('prlimit', ['--version']).then(
  () => true,
  () => false,
)

test.skipIf(!hasPrlimit)(
  'a service without file descriptors says so once, with what to do, and goes on when it has some',
  async () => {
    await using folder = await serviceFolder()
    const service = await folder.start()
    const { pid } = service.process
    const used = (await readdir(`/proc/${String(pid)}/fd`)).length
    const limit = used + 30
    await promisify(execFile)('prlimit', ['--pid', String(pid), `--nofile=${String(limit)}`])
    const { hostname, port } = new URL(service.url)
    const sockets: Socket[] = []
    // Again and again: threads that end for lack of descriptors give some back.
    await vi.waitFor(
      () => {
        for (let n = 0; n < 20; n++)
          sockets.push(connect(Number(port), hostname).on('error', () => undefined))
        expect(service.output()).toMatch(line)
      },
      { timeout: 60_000, interval: 250 },
    )
    await sleep(3_000)
    expect(service.output().match(line)).toHaveLength(1)
    expect(service.output()).toContain('ulimit -n')
    expect(service.output()).toContain('"reason":"EMFILE"')
    for (const socket of sockets) socket.destroy()
    await vi.waitFor(
      async () => {
        expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
      },
      { timeout: 60_000 },
    )
  },
  240_000,
)
