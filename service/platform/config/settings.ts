import { availableParallelism } from 'node:os'
import { z } from 'zod'
import {
  baseUrl,
  bindAddress,
  hostAndPort,
  httpUrl,
  text,
} from '../../../lib/net/address-fields.ts'
import {
  absoluteFolder,
  choice,
  flag,
  folder,
  headerToken,
  listOf,
  network,
  placeUrl,
  postgresAddress,
  postgresUrl,
  secureUrl,
  wholeNumber,
} from '../../../plan/setting-types.ts'
import { placeUrlForms } from '../../../sinks/registry.ts'
import { facts, setting, type SettingFacts } from './setting.ts'
import { storageSettings } from './storage-settings.ts'
import { vaultSettings } from './vault-settings.ts'
import { webhookSettings } from './webhook-settings.ts'

export const roles = ['api', 'reader', 'sink', 'scheduler'] as const
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const

const parallelRuns = Math.max(1, Math.floor(availableParallelism() / 2))

/** Every setting of the service, in the order of the reference page. */
export const settingsSchema = z.object({
  bind: setting(bindAddress.default({ host: '0.0.0.0', port: 8007 }), {
    path: 'bind',
    type: 'HOST:PORT',
    standard: '0.0.0.0:8007',
    description: 'Where the HTTP API listens. Port 0 picks a free one.',
  }),
  publicUrl: setting(httpUrl.optional(), {
    path: 'public_url',
    type: 'URL',
    standard: 'the address of `bind`',
    description:
      'How browsers and webhook senders reach the service: the base of the OAuth callback and of the `docs_url` of errors.',
  }),
  roles: setting(
    listOf(choice(roles))
      .refine((some) => some.length > 0, 'must name a role')
      .default([...roles]),
    {
      path: 'roles',
      type: `list of ${roles.join(', ')}`,
      standard: roles.join(','),
      description:
        'What this process does. Processes that share a metadata database share the work.',
    },
  ),
  parallelRuns: setting(wholeNumber(1, 1_000).default(parallelRuns), {
    path: 'parallel_runs',
    type: 'whole number, 1 to 1000',
    standard: 'half of the cores, at least 1',
    description:
      'How many runs this process works on at the same time. If the machine cannot bear as many, it works on fewer, and warns: docs/operations.md has the formula.',
  }),
  logLevel: setting(choice(logLevels).default('info'), {
    path: 'log_level',
    type: `one of ${logLevels.join(', ')}`,
    standard: 'info',
    description: 'The minimum level that is logged.',
  }),
  metricsStreamLabel: setting(flag.default(true), {
    path: 'metrics.stream_label',
    type: 'true or false',
    standard: 'true',
    description:
      'Whether the metrics of runs have the label `stream`. False: the streams of a connection are summed, for connections or tables by the thousand (docs/prometheus.md has the numbers of series).',
  }),
  logRetentionDays: setting(wholeNumber(1, 3_650).default(30), {
    path: 'log_retention_days',
    type: 'whole number, 1 to 3650',
    standard: '30',
    description: 'How many days after its end the log lines of a run are deleted.',
  }),
  runRetentionDays: setting(wholeNumber(1, 3_650).default(90), {
    path: 'run_retention_days',
    type: 'whole number, 1 to 3650',
    standard: '90',
    description:
      'How many days after its end a run is deleted, with its log. The last run of each connection and its last complete one are never deleted.',
  }),
  auditRetentionDays: setting(wholeNumber(1, 36_500).default(365), {
    path: 'audit_retention_days',
    type: 'whole number, 1 to 36500',
    standard: '365',
    description: 'How many days after they were written entries of the audit log are deleted.',
  }),
  policyFile: setting(folder().optional(), {
    path: 'policy_file',
    type: 'file',
    standard: 'the policy that comes with the program: docs/access.md',
    description:
      'The access policy, a file in the Cedar language. It is checked at the start, and replaces the default policy.',
  }),
  requestsPerMinute: setting(wholeNumber(0, 100_000_000).default(600_000), {
    path: 'limits.requests_per_minute',
    type: 'whole number, 0 to 100000000',
    standard: '600000',
    description:
      'Requests of one key or user, in each process; above it the response is 429 `rate_limited`. 0: no limit.',
  }),
  failedLoginsPerMinute: setting(wholeNumber(0, 100_000_000).default(300), {
    path: 'limits.failed_logins_per_minute',
    type: 'whole number, 0 to 100000000',
    standard: '300',
    description:
      'Wrong keys or tokens from one address, in each process; above it they are refused unchecked for the rest of the minute. 0: no limit.',
  }),
  ingressBytes: setting(wholeNumber(1_024, 26_214_400).default(1_048_576), {
    path: 'limits.ingress_bytes',
    type: 'whole number, 1024 to 26214400',
    standard: '1048576',
    description:
      'The largest body of a webhook delivery; above it the response is 413 `delivery_too_large`. GitHub sends up to 25 MiB.',
  }),
  ingressPerMinute: setting(wholeNumber(0, 100_000_000).default(600_000), {
    path: 'limits.ingress_per_minute',
    type: 'whole number, 0 to 100000000',
    standard: '600000',
    description:
      'Genuine webhook deliveries of one receiver, in each process; above it the response is 429 `rate_limited`. 0: no limit.',
  }),
  ingressRefusalsPerMinute: setting(wholeNumber(0, 100_000_000).default(300), {
    path: 'limits.ingress_refusals_per_minute',
    type: 'whole number, 0 to 100000000',
    standard: '300',
    description:
      'Refused webhook deliveries from one address, in each process; above it the response to further ones is 429 `rate_limited`. Genuine ones from the same address are accepted. 0: no limit.',
  }),
  trustedProxies: setting(listOf(network).default([]), {
    path: 'trusted_proxies',
    type: 'list of networks in CIDR notation',
    standard: 'none',
    description:
      'Reverse proxies whose `X-Forwarded-For` says which address a request comes from, for limits and the audit log.',
  }),
  sandboxLifetimeSeconds: setting(wholeNumber(1, 86_400).default(3_600), {
    path: 'sandbox.lifetime_seconds',
    type: 'whole number, 1 to 86400',
    standard: '3600',
    description:
      'How long the rows of a sandbox stay at the destination and its promote token is valid.',
  }),
  dataDir: setting(folder(), {
    path: 'data_dir',
    type: 'folder',
    standard:
      '`$XDG_DATA_HOME/reactor-connect`, else `~/.local/share/reactor-connect`; for root `/var/lib/reactor-connect`',
    description:
      'The data of the embedded parts: PostgreSQL, the vault. Created with mode 0700 if it is missing.',
  }),
  catalogDir: setting(folder(), {
    path: 'catalog_dir',
    type: 'folder',
    standard: '`catalog` in `data_dir`',
    description: 'Imported connector manifests (YAML).',
  }),
  allowedNetworks: setting(listOf(network).default([]), {
    path: 'allowed_networks',
    type: 'list of networks in CIDR notation',
    standard: 'none',
    description:
      'Private or reserved networks that HTTP sources may reach, such as `10.1.0.0/16`. All others of that kind are refused.',
  }),
  allowedFolders: setting(listOf(absoluteFolder).default([]), {
    path: 'allowed_folders',
    type: 'list of folders',
    standard: 'none',
    description:
      'Folders of this machine that `file` sources may read, such as `/srv/exports`, with all folders below them. The user of this process reads them, whoever configures the source.',
  }),
  allowedSockets: setting(listOf(absoluteFolder).default([]), {
    path: 'allowed_sockets',
    type: 'list of folders',
    standard: 'none',
    description:
      'Folders whose Unix sockets PostgreSQL sources may reach, such as `/var/run/postgresql`. A server may accept any login through its socket as the user of this process, without a password.',
  }),
  databaseUrl: setting(postgresUrl.optional(), {
    path: 'database_url',
    type: 'PostgreSQL URL',
    standard: 'an embedded PostgreSQL in `data_dir`',
    secret: true,
    description:
      'The metadata database. The user must be allowed to create a schema in it. A pooler in transaction mode does not work: sessions hold locks and listen.',
  }),
  ...vaultSettings,
  dataUrl: setting(httpUrl.optional(), {
    path: 'data.url',
    type: 'URL',
    standard: 'none; the Data service listens on port 8002',
    description:
      'An external Data service, which owns the PostgreSQL of destinations `data:DATASET` (the default of connections) and gives their addresses: docs/data.md. Not together with `data.database_url`.',
  }),
  dataApiKey: setting(headerToken.optional(), {
    path: 'data.api_key',
    type: 'text',
    standard: 'none: requests have no `Authorization`',
    secret: true,
    description: 'The key for the Data service.',
  }),
  dataDatabaseUrl: setting(postgresAddress.optional(), {
    path: 'data.database_url',
    type: 'PostgreSQL URL',
    standard: 'a database in the embedded PostgreSQL, unless `data.url` is set',
    secret: true,
    description:
      'A PostgreSQL for destinations `data:DATASET` without a Data service: they are schemas in it.',
  }),
  identityUrl: setting(secureUrl.optional(), {
    path: 'identity.url',
    type: 'URL with https',
    standard: 'users in the metadata database',
    description:
      'An external Identity service that knows the users: its tokens (JWTs) are accepted, and `reactor auth login` logs in there.',
  }),
  identityIssuer: setting(text.optional(), {
    path: 'identity.issuer',
    type: 'text',
    standard: 'the value of `identity.url`',
    description: 'The exact value that the claim `iss` of its tokens must have.',
  }),
  identityAudience: setting(text.default('reactor-connect'), {
    path: 'identity.audience',
    type: 'text',
    standard: 'reactor-connect',
    description:
      'The value that the claim `aud` of its tokens must have: they were issued for this service.',
  }),
  identityJwksUrl: setting(secureUrl.optional(), {
    path: 'identity.jwks_url',
    type: 'URL with https',
    standard: '`/.well-known/jwks.json` below `identity.url`',
    description: 'The keys (JWKS) for checking the signatures of its tokens.',
  }),
  identityRoleClaim: setting(text.default('connect_role'), {
    path: 'identity.role_claim',
    type: 'text',
    standard: 'connect_role',
    description:
      'The claim of its tokens that names the role: `admin`, `operator`, `viewer` or `agent`, or a list with one of them.',
  }),
  jobsUrl: setting(httpUrl.optional(), {
    path: 'jobs.url',
    type: 'URL',
    standard: 'jobs in the metadata database',
    description: 'An external Jobs service (port 8005) that starts runs and keeps schedules.',
  }),
  jobsApiKey: setting(headerToken.optional(), {
    path: 'jobs.api_key',
    type: 'text',
    standard: 'none',
    secret: true,
    description: 'The key for the Jobs service.',
  }),
  ...webhookSettings,
  ...storageSettings,
  kafkaBrokers: setting(listOf(hostAndPort).default([]), {
    path: 'kafka.brokers',
    type: 'list of HOST:PORT',
    standard: 'none: the embedded log',
    alias: 'KAFKA_BROKERS',
    description:
      'The bootstrap brokers. If set, runs go through Kafka, and connections can load topics (`topic:NAME`).',
  }),
  kafkaTls: setting(flag.default(false), {
    path: 'kafka.tls',
    type: 'true or false',
    standard: 'false',
    description:
      'Use TLS for the brokers. Node checks their certificates: NODE_EXTRA_CA_CERTS adds an authority.',
  }),
  kafkaTopicsPerConnection: setting(flag.default(false), {
    path: 'kafka.topics_per_connection',
    type: 'true or false',
    standard: 'false',
    description:
      'Each connection has its states and schemas in topics of its own, `connect.CONNECTION..states` and `connect.CONNECTION..schemas`, so that readers can be given rights for one connection (docs/topics.md).',
  }),
  kafkaSaslMechanism: setting(choice(['plain', 'scram-sha-256', 'scram-sha-512']).optional(), {
    path: 'kafka.sasl.mechanism',
    type: 'one of plain, scram-sha-256, scram-sha-512',
    standard: 'none; needed with a user name',
    description: 'How to log in to the brokers.',
  }),
  kafkaSaslUsername: setting(text.optional(), {
    path: 'kafka.sasl.username',
    type: 'text',
    standard: 'none',
    description: 'The user name for the brokers.',
  }),
  kafkaSaslPassword: setting(text.optional(), {
    path: 'kafka.sasl.password',
    type: 'text',
    standard: 'none',
    secret: true,
    description: 'The password for the brokers.',
  }),
  kafkaSchemaRegistryUrl: setting(baseUrl.optional(), {
    path: 'kafka.schema_registry_url',
    type: 'URL',
    standard: 'none: schemas of rows in Avro are in the topic `connect.schemas`',
    description:
      'The schema registry that gets the schemas of destinations `topic:NAME` whose rows are in Avro: docs/topic-destination.md. Schemas of the log are not in it.',
  }),
  kafkaSchemaRegistryUsername: setting(text.optional(), {
    path: 'kafka.schema_registry_username',
    type: 'text',
    standard: 'none',
    description: 'The user name for the schema registry.',
  }),
  kafkaSchemaRegistryPassword: setting(text.optional(), {
    path: 'kafka.schema_registry_password',
    type: 'text',
    standard: 'none',
    secret: true,
    description: 'The password for the schema registry.',
  }),
  airbyteEnabled: setting(flag.default(false), {
    path: 'airbyte.enabled',
    type: 'true or false',
    standard: 'false',
    description:
      'Allow external Airbyte connectors (`catalog import airbyte-process:NAME`): programs of others, which run as processes under the user of the service.',
  }),
  airbyteRegistryUrl: setting(httpUrl.default('https://connectors.airbyte.com'), {
    path: 'airbyte.registry_url',
    type: 'URL',
    standard: 'https://connectors.airbyte.com',
    description:
      'Where Airbyte publishes its list of connectors, which `catalog search` asks for, or a mirror of the same form.',
  }),
  destinations: setting(listOf(placeUrl).default([]), {
    path: 'destinations',
    type: `list of URLs: ${placeUrlForms.join(', ')}`,
    standard: 'none',
    secret: true,
    description:
      'Folders and buckets, with their logins, that connections may load into: each may use any folder or prefix below that of the URL. Parts of the query: `format`, `compression`, `file_mb`, `partition_by`, or `column` and `by`; for buckets also `endpoint`, `path_style`, `session_token` (docs/destinations.md). Only the operator sets them: no request can name another place or server.',
  }),
  postgres: setting(z.record(z.string(), postgresAddress).default({}), {
    path: 'postgres.NAME.url',
    type: 'PostgreSQL URL',
    standard: 'none',
    secret: true,
    description:
      'A destination `postgres:NAME`. NAME: small letters, digits and `_`. Only the operator sets such URLs: no request can name another server.',
  }),
})

/** The settings, validated. */
export type Settings = Readonly<z.output<typeof settingsSchema>>
export type SettingName = keyof typeof settingsSchema.shape

export interface Setting extends SettingFacts {
  readonly name: SettingName
  /** `REACTOR_CONNECT_` and the path in capitals. */
  readonly variable: string
}

/** The table, in the order of the reference page. */
export const settings: readonly Setting[] = settingsSchema.keyof().options.map((name) => {
  const about = facts.get(settingsSchema.shape[name])
  if (about === undefined) throw new TypeError(`the setting ${name} is not described`)
  return { ...about, name, variable: variableOf(about.path) }
})

export function variableOf(path: string): string {
  return `REACTOR_CONNECT_${path.toUpperCase().replaceAll('.', '_')}`
}
