import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { closedPort } from '../cli/reactor-command.ts'
import { reactor as runHere } from '../cli/service-command-line.ts'
import { ScriptedVendor } from '../fakes/scripted-vendor.ts'
import { fillAcme } from '../fakes/salesforce/acme.ts'
import { clientId, clientSecret } from '../fakes/salesforce/oauth.ts'
import { SalesforceSimulator } from '../fakes/salesforce/salesforce-simulator.ts'
import { AuthorizationServer } from '../fakes/authorization-server.ts'
import { TrackerApi } from '../fakes/tracker-api.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { builtProgram } from '../support/program.ts'
import {
  serviceFolder,
  type ServiceFolder,
  type ServiceProcess,
} from '../support/service-process.ts'
import { startCommand, type CommandEnd, type CommandOptions } from './command.ts'
import { newFolder } from '../support/new-folder.ts'
import { longTest } from '../support/long.ts'

/** The quickstarts, command by command, against a service that began with an empty folder. */
let data: ServiceFolder
let service: ServiceProcess
let warehouse: TestDatabase
/** The user's home and working folder. */
let home: string

beforeAll(async () => {
  home = await newFolder('home')
  data = await serviceFolder()
  warehouse = await testDatabase()
  service = await data.start({
    environment: {
      HOME: home,
      REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.1/32',
      REACTOR_CONNECT_POSTGRES_WAREHOUSE_URL: warehouse.url,
    },
  })
}, 120_000)
afterAll(async () => {
  await data[Symbol.asyncDispose]()
  await warehouse[Symbol.asyncDispose]()
})

/** As the user of the service's machine: nothing is said of where the service is. */
function environment(): CommandOptions['environment'] {
  return { HOME: home, REACTOR_CONNECT_DATA_DIR: data.path }
}

/** Commands that ask the service run in this process, all others in one of their own. */
async function reactor(line: string | readonly string[], stdin?: string): Promise<CommandEnd> {
  const argv = typeof line === 'string' ? line.split(' ') : line
  const options = { environment: environment(), ...(stdin !== undefined && { stdin }) }
  const asksService = !['catalog', 'doctor'].includes(argv[1] ?? '')
  return asksService ? runHere(argv, options) : startCommand(argv, options).end
}

/** Runs a command that has to succeed. Returns its output. */
async function succeeds(line: string | readonly string[], stdin?: string): Promise<string> {
  const end = await reactor(line, stdin)
  expect(end, `${String(line)}: ${end.err}`).toMatchObject({ code: 0 })
  return end.out
}

async function file(name: string, content: unknown): Promise<string> {
  const path = join(home, name)
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const runs = z.array(z.object({ id: z.string(), status: z.string(), loaded: z.number() }))

test('the quickstart of docs/cli.md works as it is written', async () => {
  const page = await readFile('docs/cli.md', 'utf8')
  const [, block = ''] =
    /^## From nothing[^]*?```sh\n[^]*?^```sh\n(reactor [^]*?)^```/m.exec(page) ?? []
  expect(block.split('\n').length).toBeGreaterThan(5)
  const script = `set -e; reactor() { "${process.execPath}" "${builtProgram()}" "$@"; }\n${block}`
  const end = await promisify(execFile)('bash', ['-c', script], {
    env: { PATH: process.env.PATH, ...environment() },
  })
  expect(end.stdout).toContain('numbers: it works')
  expect(end.stdout).toMatch(/\nrun_\w+ +complete +manual .* 1,000 /)
  expect(end.stderr).toContain('run complete: 1 of 1 stream complete, 1,000 rows loaded')
})

test('a first connection is made from nothing and fills a table, and its runs and their logs are shown', async () => {
  const config = '{"streams":[{"name":"orders","rows":1000},{"name":"users","rows":10}]}'
  const create = 'connect instances create first --type faker --config'.split(' ')
  expect(await succeeds([...create, config])).toContain('created first (faker), credentials ready')
  expect(await succeeds('connect instances check first')).toBe('first: it works\n')
  expect(await succeeds('connect instances discover first')).toMatch(/\norders .*\nusers /)
  await succeeds([
    ...'connect connections create first --from first --activate --streams orders,users'.split(' '),
    ...['--dest', 'postgres:warehouse', '--schedule', '0 4 * * *'],
  ])
  const waited = await reactor('connect connections runs start first --wait')
  expect(waited).toMatchObject({ code: 0, out: '' })
  expect(waited.err).toContain('run complete: 2 of 2 streams complete, 1,010 rows loaded')
  expect(await warehouse.query('SELECT count(*)::int AS n FROM public.orders')).toEqual([
    { n: 1000 },
  ])

  const listed = runs.parse(
    JSON.parse(await succeeds('connect connections runs list first --json')),
  )
  const [run] = listed
  expect(listed).toMatchObject([{ status: 'complete', loaded: 1010 }])
  const id = run?.id ?? ''
  expect(await succeeds(`connect connections runs get first ${id}`)).toMatch(
    /\nusers +complete +10 +10 +0/,
  )
  const logs = await succeeds(`connect connections runs logs first ${id} --follow`)
  expect(logs).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO /)
  const again = await reactor(`connect connections runs retry first ${id}`)
  expect(again.code).toBe(1)
  expect(again.err).toContain('[run_not_retryable]')
  expect(await succeeds('connect connections list')).toMatch(
    /\nfirst +first +postgres:warehouse +active +0 4 \* \* \* +complete /,
  )
}, 90_000)

test('a dataset of the Data service needs no setting', async () => {
  const config = await file('small.json', { streams: [{ name: 'items', rows: 5 }] })
  await succeeds(`connect instances create small --type faker --config ${config}`)
  await succeeds('connect connections create small --from small --dest data:small --activate')
  const followed = await reactor('connect connections runs start small --follow --json')
  const lines = followed.out
    .trimEnd()
    .split('\n')
    .map((line) => z.looseObject({ type: z.string() }).parse(JSON.parse(line)))
  expect(followed.code).toBe(0)
  expect(lines.some(({ type }) => type === 'log')).toBe(true)
  expect(lines.at(-1)).toMatchObject({
    type: 'result',
    exit_code: 0,
    run: { status: 'complete', loaded: 5 },
  })
})

test('a failed run is seen, and its retry goes on', async () => {
  const counter = join(home, 'failures')
  const fail = { at_row: 100, kind: 'config_error', times: 1, counter_file: counter }
  const config = await file('failing.json', { streams: [{ name: 'fragile', rows: 200, fail }] })
  await succeeds(`connect instances create failing --type faker --config ${config}`)
  await succeeds('connect connections create failing --from failing --dest data:failing --activate')
  const failed = await reactor('connect connections runs start failing --wait')
  expect(failed.code).toBe(1)
  expect(failed.err).toMatch(/\n? *error: .*\n +fix: .*\n +docs: docs\/errors\//)
  const [, name = '', id = ''] = /connections runs retry (\S+) (run_\w+)`/.exec(failed.err) ?? []
  const listed = await succeeds('connect connections runs list failing --status failed')
  expect(listed).toContain(id)
  const retried = await reactor(`connect connections runs retry ${name} ${id} --wait`)
  expect(retried.err).toContain('run complete: 1 of 1 stream complete')
  expect(retried.code).toBe(0)
})

longTest(
  'a connection copies from one PostgreSQL to another, with a password that goes from standard input to the vault',
  async () => {
    await using shop = await testDatabase()
    await shop.query('CREATE TABLE customers (id int PRIMARY KEY, name text)')
    await shop.query("INSERT INTO customers SELECT i, 'c' || i FROM generate_series(1, 500) i")
    const { password, ...address } = shop.address
    const config = await file('shop.json', { ...address, schemas: ['public'] })
    await succeeds(`connect instances create shop-db --type postgres --config ${config}`)
    const secret = JSON.stringify({ password })
    const set = await reactor('connect instances credentials shop-db --input -', secret)
    expect(set).toMatchObject({ code: 0, err: '' })
    const shown = await succeeds('connect instances get shop-db --json')
    expect(shown).not.toContain(password)
    expect(JSON.parse(shown)).toMatchObject({ secrets: ['/password'], credentials: 'ready' })
    await succeeds('connect instances check shop-db')
    await succeeds([
      ...'connect connections create shop --from shop-db --dest data:shop --activate --stream-config'.split(
        ' ',
      ),
      '[{"name":"customers","sync_mode":"incremental","cursor_field":"id","destination_sync_mode":"append_dedup"}]',
    ])
    expect((await reactor('connect connections runs start shop --wait')).err).toContain(
      '500 rows loaded',
    )
    await shop.query("INSERT INTO customers VALUES (501, 'new')")
    expect((await reactor('connect connections runs start shop --wait')).err).toContain(
      '1 row loaded',
    )
    await succeeds('connect connections reset shop --streams customers')
    expect((await reactor('connect connections runs start shop --wait')).err).toContain(
      '501 rows loaded',
    )
  },
  90_000,
)

test('a manifest that is imported is a connector of the service', async () => {
  await using tracker = await TrackerApi.start(2)
  tracker.addIssues(3)
  expect(await succeeds('connect catalog import test/fakes/tracker.yaml')).toContain(
    'imported  tracker',
  )
  expect(await succeeds('connect catalog list --remote')).toMatch(/\ntracker +imported /)
  expect(await succeeds('connect catalog show tracker')).toMatch(
    /\n {2}url +string +required +URL\n/,
  )
  const config = JSON.stringify({ url: tracker.url })
  await succeeds([
    'connect',
    'instances',
    'create',
    'tracker',
    '--type',
    'tracker',
    '--config',
    config,
  ])
  await succeeds('connect instances check tracker')
  await succeeds(
    'connect connections create tracker --from tracker --streams issues --dest data:tracker --activate',
  )
  expect((await reactor('connect connections runs start tracker --wait')).err).toContain(
    '6 rows loaded',
  )
})

test('a command that authorizes in the browser prints the address and waits for the callback', async () => {
  const port = await closedPort()
  const redirectUri = `http://127.0.0.1:${port}/callback`
  await using vendor = await AuthorizationServer.start({ redirectUris: [redirectUri] })
  await using tracker = await TrackerApi.start(1)
  tracker.addIssues(4)
  await succeeds(`connect catalog import ${await file('crm.yaml', oauthManifest(vendor, tracker))}`)
  await succeeds('connect instances create crm --type crm')
  const command = `connect instances credentials crm --no-browser --callback-port ${port}`
  const early = await reactor(command)
  expect(early, early.err).toMatchObject({ code: 1 })
  expect(early.err).toContain('[oauth_client_missing]')
  const client = { client_id: vendor.clientId, client_secret: vendor.clientSecret }
  await succeeds('connect instances credentials crm --input -', JSON.stringify(client))

  vendor.consents = false
  const denied = await authorize(command, vendor, redirectUri)
  expect(denied).toMatchObject({ code: 1 })
  expect(denied.err).toContain('[oauth_denied]')
  vendor.consents = true
  const granted = await authorize(command, vendor, redirectUri)
  expect(granted, granted.err).toMatchObject({ code: 0 })
  expect(granted.out).toContain('crm (crm), credentials ready')
  await succeeds('connect instances check crm')
  await succeeds('connect connections create crm --from crm --dest data:crm --activate')
  expect((await reactor('connect connections runs start crm --wait')).err).toContain(
    '4 rows loaded',
  )
}, 90_000)

test('an organization of Salesforce is authorized in the browser, looked at in a sandbox, and loaded', async () => {
  await using salesforce = await SalesforceSimulator.start()
  const { organization } = salesforce
  fillAcme(organization, { leads: 5 })
  const config = JSON.stringify({ api_url: salesforce.url, client_id: clientId })
  const create = 'connect instances create sf-prod --type salesforce --config'.split(' ')
  await succeeds([...create, config])
  const secret = JSON.stringify({ client_secret: clientSecret })
  await succeeds('connect instances credentials sf-prod --input -', secret)
  const port = await closedPort()
  const authorizing = startCommand(
    `connect instances credentials sf-prod --no-browser --callback-port ${port}`.split(' '),
    { environment: environment() },
  )
  const [, url = ''] = await authorizing.output(/within 10 minutes:\s+(http\S+)\n/)
  const consent = await fetch(url, { redirect: 'manual' })
  await fetch(consent.headers.get('location') ?? '')
  const granted = await authorizing.end
  expect(granted, granted.err).toMatchObject({ code: 0 })
  expect(await succeeds('connect instances check sf-prod')).toBe('sf-prod: it works\n')
  expect(await succeeds('connect instances discover sf-prod')).toMatch(/\nInvoice__c .*\nLead /)
  const lead = JSON.stringify({ LastName: 'Dry', Company: 'Run' })
  const shown = await succeeds([
    ...'connect actions invoke sf-prod createLead --dry-run --input'.split(' '),
    lead,
  ])
  expect(shown).toContain(`POST ${salesforce.url}/services/data/v66.0/sobjects/Lead\n`)
  await succeeds(
    'connect connections create crm-in --from sf-prod --streams Lead,Invoice__c --dest data:crm_in',
  )
  const sandbox = await succeeds('connect connections sandbox crm-in --limit-rows 100')
  expect(sandbox).toContain('8 rows inserted')
  const promote = /\n {2}reactor (connect connections promote crm-in --token \S+)\n$/.exec(sandbox)
  await succeeds(`${promote?.[1] ?? ''} --wait`)
  const [changed = ''] = organization.visible('Lead').map(({ Id: id }) => String(id))
  organization.pass(3600)
  organization.delete('Lead', changed)
  const again = await reactor('connect connections runs start crm-in --wait')
  expect(again, again.err).toMatchObject({ code: 0 })
  const listed = await succeeds('connect connections runs list crm-in --json')
  expect(runs.parse(JSON.parse(listed))).toMatchObject([
    { status: 'complete' },
    { status: 'complete', loaded: 8 },
  ])
}, 90_000)

/** Does what the user does with the output of the command. */
async function authorize(
  command: string,
  vendor: AuthorizationServer,
  redirectUri: string,
): Promise<CommandEnd> {
  const started = startCommand(command.split(' '), { environment: environment() })
  const [, url = ''] = await started.output(/within 10 minutes:\s+(http\S+)\n/)
  const query = await vendor.browse(url, redirectUri)
  const back = await fetch(`${redirectUri}?${new URLSearchParams(query).toString()}`)
  expect(await back.text()).toContain('go back to the terminal')
  return started.end
}

/** The issues of the tracker, for those whom the vendor lets in. */
function oauthManifest(vendor: AuthorizationServer, tracker: TrackerApi): string {
  const place = (name: string): object => ({ type: 'string', path_in_connector_config: [name] })
  const secret = { type: 'string', airbyte_secret: true }
  const stream = {
    type: 'DeclarativeStream',
    name: 'issues',
    primary_key: ['id'],
    retriever: {
      type: 'SimpleRetriever',
      requester: {
        type: 'HttpRequester',
        url_base: tracker.url,
        path: '/projects/1/issues',
        authenticator: {
          type: 'OAuthAuthenticator',
          token_refresh_endpoint: vendor.tokenUrl,
          client_id: "{{ config['client_id'] }}",
          client_secret: "{{ config['client_secret'] }}",
          refresh_token: "{{ config['refresh_token'] }}",
          refresh_token_updater: { refresh_token_config_path: ['refresh_token'] },
        },
      },
      record_selector: {
        type: 'RecordSelector',
        extractor: { type: 'DpathExtractor', field_path: ['data'] },
      },
      paginator: {
        type: 'DefaultPaginator',
        page_token_option: {
          type: 'RequestOption',
          inject_into: 'request_parameter',
          field_name: 'page',
        },
        pagination_strategy: {
          type: 'CursorPagination',
          cursor_value: "{{ response['next_page'] }}",
          stop_condition: "{{ not response['next_page'] }}",
        },
      },
    },
    schema_loader: {
      type: 'InlineSchemaLoader',
      schema: {
        type: 'object',
        properties: { id: { type: 'integer' }, title: { type: 'string' } },
      },
    },
  }
  const manifest = {
    version: '6.0.0',
    type: 'DeclarativeSource',
    check: { type: 'CheckStream', stream_names: ['issues'] },
    streams: [stream],
    spec: {
      type: 'Spec',
      connection_specification: {
        type: 'object',
        required: ['client_id', 'client_secret', 'refresh_token'],
        properties: {
          client_id: secret,
          client_secret: secret,
          refresh_token: secret,
          access_token: secret,
          token_expiry_date: { type: 'string' },
        },
      },
      advanced_auth: {
        auth_flow_type: 'oauth2.0',
        oauth_config_specification: {
          oauth_connector_input_specification: {
            consent_url: `${vendor.authorizeUrl}?client_id={{client_id_value}}&{{redirect_uri_param}}&response_type=code&scope=openid+offline_access&state={{state_value}}&code_challenge={{state_value | codeChallengeS256}}&code_challenge_method=S256&prompt=consent`,
            access_token_url: vendor.tokenUrl,
            access_token_params: {
              grant_type: 'authorization_code',
              client_id: '{{client_id_value}}',
              client_secret: '{{client_secret_value}}',
              code: '{{auth_code_value}}',
              code_verifier: '{{state_value}}',
              redirect_uri: '{{redirect_uri_value}}',
            },
            access_token_headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
            extract_output: ['refresh_token', 'access_token'],
          },
          complete_oauth_output_specification: {
            type: 'object',
            properties: {
              refresh_token: place('refresh_token'),
              access_token: place('access_token'),
            },
          },
          complete_oauth_server_output_specification: {
            type: 'object',
            properties: { client_id: place('client_id'), client_secret: place('client_secret') },
          },
        },
      },
    },
  }
  return JSON.stringify(manifest)
}

describe('beside the quickstart', () => {
  test('the doctor finds nothing wrong', async () => {
    const findings = z
      .array(z.object({ name: z.string(), status: z.string() }))
      .parse(JSON.parse(await succeeds('connect doctor --json')))
    expect(findings.filter(({ status }) => status !== 'ok')).toEqual([])
    expect(findings.map(({ name }) => name)).toEqual([
      ...['versions', 'settings', 'data folder', 'disk', 'metadata database', 'vault', 'Kafka'],
      ...['Jobs service', 'service', 'service version', 'API key'],
    ])
  })

  longTest('a key for another machine logs in, is used and is revoked', async () => {
    const elsewhere = {
      HOME: join(home, 'elsewhere'),
      REACTOR_CONNECT_DATA_DIR: join(home, 'none'),
    }
    const key = (await succeeds('connect keys create laptop --kind admin')).trim()
    const login = startCommand(['auth', 'login', '--url', service.url], {
      environment: elsewhere,
      stdin: `${key}\n`,
    })
    expect(await login.end).toMatchObject({ code: 0, err: '' })
    const kept = await readFile(join(home, 'elsewhere/.config/reactor/login.json'), 'utf8')
    expect(kept).toContain(key)
    const list = ['connect', 'instances', 'list']
    expect(await startCommand(list, { environment: elsewhere }).end).toMatchObject({ code: 0 })
    const id = /(\S+) +laptop /.exec(await succeeds('connect keys list'))?.[1] ?? ''
    await succeeds(`connect keys revoke ${id} --yes`)
    const revoked = await startCommand(list, { environment: elsewhere }).end
    expect(revoked).toMatchObject({ code: 1, out: '' })
    expect(revoked.err).toContain('[unauthorized]')
  })

  longTest(
    'unknown connectors and actions, and parts of later versions, give errors with a fix',
    async () => {
      const unknown = await reactor('connect instances create my-crm --type hubspot --json')
      expect(unknown.code).toBe(1)
      expect(JSON.parse(unknown.out)).toMatchObject({ error: { code: 'unknown_connector' } })
      const action = await reactor('connect actions invoke numbers send --input {}')
      expect(action.err).toContain('[action_not_found]')
      const receiver = 'connect receivers create numbers --webhook events --dispatch job:a'
      expect((await reactor(receiver)).err).toContain('[webhook_not_found]')
      const user = await reactor('auth login user@example.com --password ...')
      expect(user.err).toContain('[login_refused]')
    },
  )

  longTest(
    'the lines of the product’s page for Stripe work word by word against a vendor on loopback',
    async () => {
      await using vendor = await ScriptedVendor.start(({ method }) => ({
        body:
          method === 'GET'
            ? { object: 'list', data: [], has_more: false }
            : { id: 'cus_1', object: 'customer' },
        headers: { 'request-id': 'req_1' },
      }))
      await succeeds('connect catalog show stripe')
      const config = JSON.stringify({ api_url: vendor.url })
      await succeeds(`connect instances create my-stripe --type stripe --config ${config}`)
      const key = '{"api_key":"sk_test_51planted"}'
      await succeeds(`connect instances credentials my-stripe --input ${key}`)
      await succeeds('connect instances check my-stripe')
      vendor.requests.length = 0
      const input = '{"email":"ada@example.com","name":"Ada_Lovelace"}'
      const tried = await succeeds(
        `connect actions invoke my-stripe createCustomer --input ${input} --dry-run`,
      )
      expect(tried).toContain('carried out in the vendor’s test mode')
      expect(tried).not.toContain('sk_test_51planted')
      const receiver = await succeeds(
        'connect receivers create my-stripe --webhook events --dispatch job:process-stripe-event',
      )
      expect(receiver).toMatch(/^ingress_url: \/connect\/v1\/ingress\/rcvt_[\w-]{43}$/m)
      expect(vendor.last).toMatchObject({
        method: 'POST',
        url: '/v1/customers',
        body: 'email=ada%40example.com&name=Ada_Lovelace',
        headers: { authorization: 'Bearer sk_test_51planted' },
      })
    },
  )

  longTest('an instance that a connection reads is kept; without it, both go', async () => {
    await succeeds(
      'connect instances create gone --type faker --config {"streams":[{"name":"a","rows":1}]}',
    )
    await succeeds('connect connections create gone --from gone --dest data:gone --activate')
    expect((await reactor('connect instances delete gone --yes')).err).toContain(
      '[instance_in_use]',
    )
    await succeeds('connect connections delete gone --yes')
    await succeeds('connect instances delete gone --yes')
  })
})
