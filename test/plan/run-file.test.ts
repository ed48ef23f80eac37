import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadRunFile, readRunFile } from '../../plan/run-file/load-run-file.ts'
import { runPlanOf } from '../../plan/run-file/run-plan.ts'
import { scrubber } from '../../protocol/secrets/scrubber.ts'
import { ConnectError } from '../../protocol/index.ts'

const secret = 'hunter2-hunter2'
const environment = {
  SOURCE_PASSWORD: secret,
  PORT: '5433',
  URL: `postgres://app:${secret}@db.example/warehouse?sslmode=verify-full`,
}

/** A right file; `%s` marks where a case puts its lines. */
const head = `connection: shop
source:
  type: postgres
  config: { host: localhost, port: \${PORT}, user: reader, password: \${SOURCE_PASSWORD}, database: shop }
destination:
  type: postgres
  config: { host: db.example, user: writer, database: warehouse, schema: shop }
`

async function failure(text: string, file = 'shop.yaml'): Promise<ConnectError> {
  try {
    await readRunFile(text, file, environment)
  } catch (error) {
    if (error instanceof ConnectError) return error
    throw error
  }
  throw new Error('the file was accepted')
}

describe('a right run file', () => {
  test.each([
    ['', { access_key_id: 'id', secret_access_key: secret, region: 'eu-west-1' }],
    [
      'access_key_id: own, secret_access_key: own-secret, region: us-east-2',
      { access_key_id: 'own', secret_access_key: 'own-secret', region: 'us-east-2' },
    ],
  ])('has keys of S3 from the environment if it has none: {%s}', async (fields, keys) => {
    const own = fields === '' ? '' : `, ${fields}`
    const text = head
      .replace('type: postgres', 'type: s3')
      .replace(/config: .*SOURCE_PASSWORD.*/, `config: { bucket: exports${own} }`)
    const file = await readRunFile(text, 'shop.yaml', {
      AWS_ACCESS_KEY_ID: 'id',
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_REGION: 'eu-west-1',
    })
    expect(file.source.config).toEqual({ bucket: 'exports', ...keys })
    expect(file.secrets).toContain(keys.secret_access_key)
  })

  test('names a bucket as its destination, with the login of the environment', async () => {
    const read = (destination: string) =>
      readRunFile(
        `${head.replace(/destination:[^]*$/, '')}destination: ${destination}\n`,
        'shop.yaml',
        { ...environment, AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'planted secret' },
      )
    const file = await read('{ type: s3, url: "s3:exports/shop", config: { file_mb: 8 } }')
    expect(file.destination).toEqual({
      type: 's3',
      bucket: 'exports',
      prefix: 'shop/',
      region: 'us-east-1',
      accessKeyId: 'id',
      secretAccessKey: 'planted secret',
      format: 'jsonl',
      compression: 'gzip',
      fileBytes: 8 * 1024 * 1024,
    })
    expect(file.secrets).toContain('planted secret')
    expect(runPlanOf(file, { streams: [], log: undefined }).limits).toMatchObject({
      commitMs: 60_000,
    })
    for (const [wrong, message] of [
      ['{ type: s3 }', 'destination.config.bucket: is missing'],
      ['{ type: s3, url: "s3:a", config: { bucket: b } }', 'is given by `url` already'],
      ['{ type: s3, url: "s3:a", config: { compression: snappy } }', 'JSON lines do not have'],
    ] as const)
      await expect(read(wrong)).rejects.toThrow(message)
  })

  test('becomes a plan with the defaults filled in', async () => {
    const file = await readRunFile(head, 'shop.yaml', environment)
    expect(file.source).toEqual({
      type: 'postgres',
      config: { host: 'localhost', port: 5433, user: 'reader', password: secret, database: 'shop' },
      allowedNetworks: [],
    })
    expect(runPlanOf(file, { streams: [], log: undefined })).toEqual({
      connection: 'shop',
      source: file.source,
      destination: {
        type: 'postgres',
        address: {
          host: 'db.example',
          port: 5432,
          user: 'writer',
          database: 'warehouse',
          ssl: 'require',
        },
        schema: 'shop',
      },
      streams: [],
      log: { kind: 'embedded' },
      limits: {
        parallelLanes: Math.max(2, Math.floor(availableParallelism() / 2)),
        partitionsPerStream: Math.max(2, Math.floor(availableParallelism() / 2)),
        commitBytes: 16_777_216,
        commitMs: 2_000,
      },
    })
  })

  test('means the same in TOML', async () => {
    const toml = `connection = "shop"
[source]
type = "postgres"
config = { host = "localhost", port = "\${PORT}", user = "reader", password = "\${SOURCE_PASSWORD}", database = "shop" }
[destination]
type = "postgres"
[destination.config]
host = "db.example"
user = "writer"
database = "warehouse"
schema = "shop"
`
    const { content, source, destination } = await readRunFile(toml, 'shop.toml', environment)
    const yaml = await readRunFile(head, 'shop.yaml', environment)
    expect({ content, source, destination }).toEqual({
      content: yaml.content,
      source: yaml.source,
      destination: yaml.destination,
    })
  })

  test('may give the destination as a URL', async () => {
    const text = head.replace(
      /destination:[^]*$/,
      'destination: { type: postgres, url: ${URL}, config: { schema: shop } }\n',
    )
    expect((await readRunFile(text, 'shop.yaml', environment)).destination).toEqual({
      type: 'postgres',
      address: {
        host: 'db.example',
        port: 5432,
        user: 'app',
        password: secret,
        database: 'warehouse',
        ssl: 'verify-full',
      },
      schema: 'shop',
    })
  })

  test('takes brokers as HOST:PORT, and a registry without a query', async () => {
    const topics = (config: string): string =>
      head.replace(
        /destination:[^]*/,
        `destination: { type: topic, config: { topic: a, ${config} } }\n`,
      )
    for (const brokers of [`u:${secret}@h:9092`, 'h', `[a:9092, 'u:${secret}@h:9092']`]) {
      const wrong = await failure(topics(`brokers: ${brokers}`))
      expect(wrong.message).toContain('must be HOST:PORT')
      expect(JSON.stringify(wrong)).not.toContain(secret)
    }
    const registry = `brokers: a:9092, format: avro, schema_registry_url: 'http://h/?token=${secret}'`
    const wrong = await failure(topics(registry))
    expect(wrong.message).toContain('must have no query')
    expect(JSON.stringify(wrong)).not.toContain(secret)
  })

  test('names a Functions service, whose key is a secret', async () => {
    const lines = `functions: { url: 'http://localhost:8010/', api_key: \${SOURCE_PASSWORD} }
streams: [{ name: customers, transform: function:clean }]
`
    const file = await readRunFile(head + lines, 'shop.yaml', environment)
    expect(runPlanOf(file, { streams: [], log: undefined }).functions).toEqual({
      url: 'http://localhost:8010',
      apiKey: secret,
    })
    expect(file.secrets).toContain(secret)
    const wrong = await failure(`${head}functions: { url: ${secret} }\n`)
    expect(JSON.stringify(wrong)).not.toContain(secret)
    expect(wrong.message).toContain('must begin with http:// or https://')
    const bare = await failure(`${head}streams: [{ name: customers, transform: function:clean }]\n`)
    expect(bare.details).toMatchObject({ field: 'streams[0].transform', line: 8 })
    expect((await failure(`${head}streams: [{ name: a, transform: clean }]\n`)).message).toContain(
      'must be function: and a name',
    )
  })

  test('chooses the log, and --log goes before it', async () => {
    const kafka = { kind: 'kafka', brokers: ['localhost:9092'], framing: 'block', ssl: false }
    const log = async (lines: string, override?: 'embedded' | 'kafka'): Promise<unknown> => {
      const file = await readRunFile(head + lines, 'shop.yaml', environment)
      return runPlanOf(file, { streams: [], log: override }).log
    }
    expect(await log('log: kafka')).toEqual(kafka)
    expect(await log('log: { kafka: { brokers: "a:1, b:2", framing: record } }')).toEqual({
      ...kafka,
      brokers: ['a:1', 'b:2'],
      framing: 'record',
    })
    expect(await log('log: { kafka: { topics_per_connection: true } }')).toEqual({
      ...kafka,
      topicsPerConnection: true,
    })
    expect(await log('log: { kafka: { brokers: [a:1] } }', 'embedded')).toEqual({
      kind: 'embedded',
    })
    expect(await log('', 'kafka')).toEqual(kafka)
  })
})

const cases: readonly {
  readonly name: string
  readonly lines: string
  readonly code?: string
  readonly message: string
  readonly fix: RegExp
}[] = [
  {
    name: 'an unknown field',
    lines: 'stream: all',
    message: 'shop.yaml:8:1: stream: unknown field',
    fix: /Did you mean `streams`\?/,
  },
  {
    name: 'an unknown field of a stream',
    lines: 'streams:\n  - name: a\n    cursr_field: b',
    message: 'shop.yaml:10:5: streams[0].cursr_field: unknown field',
    fix: /Did you mean `cursor_field`\?/,
  },
  {
    name: 'a wrong choice',
    lines: 'deletes: sotf',
    message: 'shop.yaml:8:10: deletes: "sotf" is not one of the possible values',
    fix: /Did you mean `soft`\? Use hard or soft\./,
  },
  {
    name: 'a wrong sync mode',
    lines: 'streams:\n  - customers\n  - { name: orders, sync_mode: incremantal }',
    message:
      'shop.yaml:10:32: streams[1].sync_mode: "incremantal" is not one of the possible values',
    fix: /Did you mean `incremental`\? Use full_refresh or incremental\./,
  },
  {
    name: 'a stream without a name',
    lines: 'streams: [{ sync_mode: incremental }]',
    message: 'shop.yaml:8:11: streams[0].name: is missing',
    fix: /Add `name` to streams\[0\]\./,
  },
  {
    name: 'streams that are no list',
    lines: 'streams: every',
    message: 'shop.yaml:8:10: streams: "every" is not one of the possible values',
    fix: /Use all\./,
  },
  {
    name: 'an empty list of streams',
    lines: 'streams: []',
    message: 'shop.yaml:8:10: streams: must not be empty',
    fix: /docs\/run-file\.md/,
  },
  {
    name: 'a number that is text',
    lines: 'limits: { parallel_lanes: many }',
    message: 'shop.yaml:8:27: limits.parallel_lanes: "many" must be a whole number',
    fix: /Correct the value/,
  },
  {
    name: 'a number that is too small',
    lines: 'limits: { parallel_lanes: 0 }',
    message: 'shop.yaml:8:27: limits.parallel_lanes: must be at least 1',
    fix: /Correct the value/,
  },
  {
    name: 'half a character of a masked value',
    lines: 'streams: [{ name: orders, mask: { email: { keep_last: 1.5 } } }]',
    message: 'shop.yaml:8:55: streams[0].mask.email.keep_last: must be a whole number',
    fix: /Correct the value/,
  },
  {
    name: 'an unknown log',
    lines: 'log: kafak',
    message: 'shop.yaml:8:6: log: "kafak" is not one of the possible values',
    fix: /Did you mean `kafka`\?/,
  },
  {
    name: 'an unknown field of the log',
    lines: 'log: { kafka: { broker: [a:1] } }',
    message: 'shop.yaml:8:17: log.kafka.broker: unknown field',
    fix: /Did you mean `brokers`\?/,
  },
  {
    name: 'a variable that is not set',
    lines: 'defaults: { cursor_field: "${NONE}" }',
    code: 'run_file_variable_missing',
    message: 'shop.yaml:8:27: defaults.cursor_field: the environment variable NONE is not set',
    fix: /export NONE=…/,
  },
  {
    name: 'a field twice',
    lines: 'connection: b',
    code: 'run_file_syntax',
    message: 'shop.yaml:8:1: the file cannot be parsed: duplicated mapping key',
    fix: /Keep one/,
  },
  {
    name: 'quotes that stay open',
    lines: 'log: "x',
    code: 'run_file_syntax',
    message: 'shop.yaml:9:1: the file cannot be parsed: deficient indentation',
    fix: /Close what is open/,
  },
  {
    name: 'two documents',
    lines: '---\na: 1',
    code: 'run_file_syntax',
    message: 'shop.yaml:1:1: the file cannot be parsed: it holds 2 documents',
    fix: /one document/,
  },
]

describe('a wrong run file', () => {
  test.each(cases)(
    'with $name says the line, the field, what is wrong and the fix',
    async ({ lines, code, message, fix }) => {
      const error = await failure(`${head}${lines}\n`)
      expect(error.code).toBe(code ?? 'run_file_invalid')
      expect(error.message).toBe(message)
      expect(error.suggestedFix).toMatch(fix)
    },
  )

  test.each([
    [
      'source: { type: postgers }',
      'source.type: there is no connector "postgers"',
      /Did you mean `postgres`\?/,
    ],
    [
      'source: { type: postgres, config: { hots: a, user: a, database: a } }',
      'source.config.hots: unknown field',
      /Did you mean `host`\?/,
    ],
    [
      'source: { type: postgres, config: { host: a, user: 1, database: a } }',
      'source.config.user: must be text',
      /quotes/,
    ],
    [
      'source: { type: postgres, config: { host: a, user: a, database: a, ssl: on } }',
      'source.config.ssl: is not one of the possible values',
      /Use disable, require or verify-full\./,
    ],
    [
      'source: { type: postgres, config: { host: a, user: a } }',
      'source.config.database: is missing',
      /Add `database` to source\.config/,
    ],
  ])('with the source %s says so', async (source, message, fix) => {
    const error = await failure(
      `${source}\n${head.replace(/source:[^]*?destination:/, 'destination:')}`,
    )
    expect(error.message).toMatch(/^shop\.yaml:1:\d+: /)
    expect(error.message).toContain(message)
    expect(error.suggestedFix).toMatch(fix)
  })

  test.each([
    [
      '{ type: postgres, config: { user: a } }',
      'destination.config.database: is missing',
      /Add `database`/,
    ],
    [
      '{ type: mysql }',
      'destination.type: "mysql" is not one of the possible values',
      /Use file, instance, postgres, s3 or topic\./,
    ],
    [
      '{ type: postgres, url: "mysql://a@b/c" }',
      'destination.url: does not begin with postgres://',
      /postgres:\/\/USER/,
    ],
    [
      '{ type: postgres, url: "${URL}", config: { user: a } }',
      'destination.config.user: is given by `url` already',
      /Remove it/,
    ],
    [
      '{ type: postgres, url: "postgres://a@b/c?ssl=1" }',
      'destination.url: has the unknown parameter ssl',
      /sslmode/,
    ],
    [
      '{ type: postgres, url: "postgres://a:%zz@b/c" }',
      'destination.url: holds a `%` that encodes nothing',
      /%40/,
    ],
  ])('with the destination %s says so', async (destination, message, fix) => {
    const error = await failure(
      `destination: ${destination}\n${head.replace(/destination:[^]*$/, '')}`,
    )
    expect(error.message).toMatch(/^shop\.yaml:1:\d+: /)
    expect(error.message).toContain(message)
    expect(error.suggestedFix).toMatch(fix)
  })

  test('tells everything that is wrong at once, in the order of the file', async () => {
    const error = await failure(`${head}log: kafak\ndeletes: sotf\nmetdata: full\n`)
    expect(error.details.line).toBe(8)
    expect(error.details.more).toEqual([
      'shop.yaml:9:10: deletes: "sotf" is not one of the possible values. Did you mean `soft`? Use hard or soft.',
      'shop.yaml:10:1: metdata: unknown field. Did you mean `metadata`?',
    ])
  })

  test('that is empty misses its first field', async () => {
    expect((await failure('')).message).toBe('shop.yaml:1:1: connection: is missing')
  })

  test('in TOML says the line too', async () => {
    expect((await failure('connection = "a"\nlog = kafka\n', 'shop.toml')).message).toMatch(
      /^shop\.toml:2:\d+: the file cannot be parsed: /,
    )
    expect(
      (await failure('connection = "a"\nlgo = "kafka"\n', 'shop.toml')).details.more,
    ).toContainEqual(expect.stringMatching(/^shop\.toml:2:1: lgo: unknown field/))
  })

  test('must be in UTF-8', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'run-file-'))
    const file = join(folder, 'shop.yaml')
    await writeFile(file, 'connection: Müller\n', 'latin1')
    await expect(loadRunFile(file, environment)).rejects.toMatchObject({
      code: 'run_file_unreadable',
      details: { problem: 'its text is not in UTF-8' },
    })
    await rm(folder, { recursive: true })
  })

  test('needs an extension that tells its language', async () => {
    expect(await failure('', 'shop.json')).toMatchObject({
      code: 'run_file_unreadable',
      suggestedFix: 'Name the run file `.yaml`, `.yml` or `.toml`.',
    })
  })

  test.each([
    `password: *${secret}`,
    `password: !${secret} x`,
    `password: "${secret}`,
    `password: ${secret}: x`,
    `password: { ${secret}: ${secret} }`,
    `password: [${secret}]`,
    `passwrd: ${secret}`,
    `ssl: ${secret}`,
    `port: ${secret}`,
    `schema: "${secret}\${NONE}"`,
  ])('never shows a value of a configuration: %s', async (line) => {
    for (const group of ['source', 'destination']) {
      const other = group === 'source' ? 'destination' : 'source'
      const error = await failure(
        `connection: shop\n${group}:\n  type: postgres\n  config:\n    ${line}\n${other}: { type: postgres, config: { host: a, user: b, database: c } }\n`,
      )
      expect(JSON.stringify(error.toJSON()).replace(/"field":"[^"]*"/g, '')).not.toContain(secret)
    }
    const toml = await failure(
      `connection = "shop"\n[source]\ntype = "postgres"\nconfig.password = ${secret}\n`,
      'shop.toml',
    )
    expect(JSON.stringify(toml.toJSON())).not.toContain(secret)
  })
})

describe('secrets', () => {
  test('are the passwords and the URL, but no text that also stands in an open field', async () => {
    const text = head.replace(/destination:[^]*$/, 'destination: { type: postgres, url: ${URL} }\n')
    expect((await readRunFile(text, 'shop.yaml', environment)).secrets).toEqual([
      secret,
      environment.URL,
    ])
    const same = head.replace('${SOURCE_PASSWORD}', 'reader')
    expect((await readRunFile(same, 'shop.yaml', environment)).secrets).toEqual([])
    const weak = { ...environment, URL: 'postgres://weak:weak@db.example/shop?sslmode=disable' }
    const { secrets } = await readRunFile(text, 'shop.yaml', weak)
    const scrub = scrubber(secrets)
    expect(scrub('GRANT "loader" TO "weak"')).toBe('GRANT "loader" TO "weak"')
    expect(scrub(weak.URL)).not.toContain('weak')
  })

  test('are replaced in every form', () => {
    const scrub = scrubber(['p"w d', 'abcd'])
    expect(scrub(`p"w d ${JSON.stringify('p"w d')} ${encodeURIComponent('p"w d')} abcde`)).toBe(
      '*** "***" *** ***e',
    )
  })
})

describe('aliases of a YAML run file', () => {
  const bomb = (levels: number, node: string): string =>
    Array.from({ length: levels }, (_, level) => {
      const inside = Array.from({ length: 10 }, () => (level === 0 ? 'x' : `*a${level - 1}`))
      return `a${level}: &a${level} ${node.replace('%', inside.join(', '))}`
    }).join('\n')

  test.each(['[%]', '{ k: [%] }', '{ <<: [%] }'])(
    'that multiply in %s are refused at once',
    async (node) => {
      // Counting every value of 30 levels would never end.
      for (const levels of [8, 30]) {
        expect((await failure(`${head}${bomb(levels, node)}`)).details).toMatchObject({
          problem: 'an alias expands to too many values, or contains itself',
          fix: 'Use fewer aliases. Put a value that begins with `*` or `&` into quotes.',
        })
      }
    },
  )

  test('that hold themselves are refused', async () => {
    expect((await failure(`${head}x: &x [*x]`)).details).toMatchObject({ line: 8, column: 9 })
  })

  test('may repeat what a file repeats', async () => {
    const text = head
      .replace('config: {', 'config: &c {')
      .replace(
        'config: { host: db.example, user: writer, database: warehouse, schema: shop }',
        'config: *c',
      )
    expect(
      (await readRunFile(text, 'shop.yaml', environment)).content.destination.config,
    ).toMatchObject({
      host: 'localhost',
    })
  })
})
