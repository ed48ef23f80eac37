import { networkInterfaces } from 'node:os'
import { test } from 'vitest'
import { testDatabase } from '../../support/postgres.ts'
import { serviceFolder } from '../../support/service-process.ts'

const everywhere = ['--bind', '0.0.0.0:0']
const warning = 'Warning: other machines reach it without TLS'
/** Where other machines reach a service that is bound to all addresses of IPv4. */
const others = Object.values(networkInterfaces())
  .flat()
  .flatMap((each) =>
    each === undefined || each.internal || each.family !== 'IPv4' ? [] : each.address,
  )

/** Returns the output of a service with these options until it has started. */
async function printedBy({
  args = [],
  publicUrl = '',
}: {
  readonly args?: readonly string[]
  readonly publicUrl?: string
}): Promise<{ readonly output: string; readonly url: string }> {
  await using metadata = await testDatabase()
  await using data = await testDatabase()
  await using folder = await serviceFolder()
  const environment = {
    REACTOR_CONNECT_DATABASE_URL: metadata.url,
    REACTOR_CONNECT_DATA_DATABASE_URL: data.url,
    ...(publicUrl !== '' && { REACTOR_CONNECT_PUBLIC_URL: publicUrl }),
  }
  const service = await folder.start({ args, environment })
  await service.stop()
  return { output: service.output(), url: service.url }
}

test.concurrent(
  'a start says each address that it is reached at, and warns if others get there without TLS',
  async ({ expect, skip }) => {
    skip(others.length === 0, 'this machine has no address but that of itself')
    const { output, url } = await printedBy({ args: everywhere })
    const { port } = new URL(url)
    expect(url).toBe(`http://127.0.0.1:${port}`)
    const urls = [url, ...others.map((address) => `http://${address}:${port}`)]
    expect(output).toContain(`Reactor Connect listens on ${urls.join(', ')} (roles: `)
    expect(output).toContain(
      `${warning}, so keys and secrets can be read on the network. Put a proxy`,
    )
    expect(output).toMatch(/"msg":"other machines reach the service without TLS"/)
  },
)

test.concurrent('a start does not warn if only this machine can reach it', async ({ expect }) => {
  const { output, url } = await printedBy({})
  expect(output).toContain(`Reactor Connect listens on ${url} (roles: `)
  expect(output).not.toContain('without TLS')
})

test.concurrent('a start does not warn behind a proxy with TLS', async ({ expect }) => {
  const { output } = await printedBy({ args: everywhere, publicUrl: 'https://connect.test' })
  expect(output).toContain('Reactor Connect listens on http://127.0.0.1:')
  expect(output).not.toContain('without TLS')
})
