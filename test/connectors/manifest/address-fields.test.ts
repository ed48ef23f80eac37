import { expect, test } from 'vitest'
import type { AddressFields } from '../../../connectors/connector.ts'
import { addressFields } from '../../../connectors/manifest/address-fields.ts'
import { loadManifestFile } from '../../../connectors/manifest/load-manifest-file.ts'
import { connectorOf, connectorTypes } from '../../../connectors/registry.ts'
import { loadManifest } from '../../../manifest-interpreter/manifest/load-manifest.ts'

/** A manifest whose only stream is read by this requester. */
function manifest(requester: object, { more = {}, retriever = {} } = {}) {
  return loadManifest({
    version: '6.0.0',
    type: 'DeclarativeSource',
    check: { type: 'CheckStream', stream_names: ['items'] },
    streams: [
      {
        type: 'DeclarativeStream',
        name: 'items',
        retriever: {
          type: 'SimpleRetriever',
          requester: { type: 'HttpRequester', http_method: 'GET', ...requester },
          record_selector: {
            type: 'RecordSelector',
            extractor: { type: 'DpathExtractor', field_path: [] },
          },
          ...retriever,
        },
      },
    ],
    ...more,
  })
}

test.each<[string, object, readonly string[] | 'all']>([
  ['a host of its own', { url_base: 'https://api.example.com/' }, []],
  ['a field in the host', { url_base: "https://{{ config['shop'] }}.example.com/" }, ['/shop']],
  ['a field in double quotes', { url_base: '{{ config["url"] }}/v1' }, ['/url']],
  ['a field by its name', { url: '{{ config.url }}/v1' }, ['/url']],
  [
    'a field with a default',
    { url_base: "{{ config.get('url', 'https://example.com').rstrip('/') }}/api/" },
    ['/url'],
  ],
  ['a deep field', { url_base: "{{ config['login']['domain'] }}" }, ['/login/domain']],
  [
    'a field behind the port',
    { url_base: 'https://example.com:{{ config.port }}/{{ config.x }}' },
    ['/port', '/x'],
  ],
  ['a field in the path', { url_base: "https://example.com/{{ config['account'] }}/" }, []],
  [
    'a path that begins with a field, which may be a whole URL',
    { url_base: 'https://example.com', path: "/{{ config['report'] }}" },
    ['/report'],
  ],
  [
    'a path with a field further on',
    { url_base: 'https://example.com', path: "reports/{{ config['report'] }}" },
    [],
  ],
  [
    'a use of the configuration that cannot be followed',
    { url_base: '{% for name in config %}{{ name }}{% endfor %}' },
    'all',
  ],
  [
    'the place of an authenticator',
    {
      url_base: 'https://example.com',
      authenticator: {
        type: 'OAuthAuthenticator',
        token_refresh_endpoint: "https://{{ config['region'] }}.example.com/token",
        client_id: "{{ config['client_id'] }}",
        client_secret: "{{ config['client_secret'] }}",
        refresh_token: "{{ config['refresh_token'] }}",
      },
    },
    ['/region'],
  ],
])('a manifest sends its secrets where %s says', (_, requester, expected) => {
  expect(addressFields(manifest(requester))).toEqual(expected)
})

test('a list that becomes hosts counts, and so does what a field is made from', () => {
  const partitions = { type: 'ListPartitionRouter', cursor_field: 'host' }
  expect(
    addressFields(
      manifest(
        { url_base: "https://{{ stream_partition['host'] }}/" },
        { retriever: { partition_router: { ...partitions, values: "{{ config['hosts'] }}" } } },
      ),
    ),
  ).toEqual(['/hosts'])
  const rule = { type: 'AddedFieldDefinition', path: ['url'], value: "{{ config['subdomain'] }}" }
  const other = { type: 'AddedFieldDefinition', path: ['kind'], value: "{{ config['start'] }}" }
  const spec = {
    type: 'Spec',
    connection_specification: { type: 'object', properties: {} },
    config_normalization_rules: {
      type: 'ConfigNormalizationRules',
      transformations: [{ type: 'ConfigAddFields', fields: [other, rule] }],
    },
  }
  expect(addressFields(manifest({ url_base: "{{ config['url'] }}" }, { more: { spec } }))).toEqual([
    '/subdomain',
    '/url',
  ])
})

test('the places of an authorization in the browser count', () => {
  const { manifest: crm } = loadManifestFile('test/fakes/crm.yaml')
  expect(addressFields(crm)).toEqual(['/base_url'])
  const { definition } = crm
  const consent = JSON.parse(JSON.stringify(definition)) as { streams: unknown }
  const { streams } = manifest({ url_base: 'https://example.com' }).definition
  consent.streams = streams
  expect(addressFields(loadManifest(consent as never))).toEqual(['/base_url'])
})

test('the manifest of GitHub has no host but those that its connector names', () => {
  const { manifest: github } = loadManifestFile('connectors/github/streams/manifest.yaml')
  // The others are of paths that begin with a part of their own.
  expect(addressFields(github)).toEqual([
    ...['/api_url', '/credential_kind', '/private_key'],
    ...['/refresh_token', '/repositories', '/web_url'],
  ])
})

test('every connector says which fields decide where its secrets go', async () => {
  const fields: Record<string, AddressFields> = {}
  for (const type of connectorTypes())
    fields[type] = (await connectorOf(type)).descriptor.addressFields()
  expect(fields).toEqual({
    airtable: [],
    arxiv: [],
    ashby: [],
    calendly: [],
    chartmogul: [],
    'clickup-api': [],
    'close-com': [],
    confluence: ['/domain'],
    'ecb-exchange-rates': [],
    faker: [],
    file: [],
    freshdesk: ['/domain'],
    github: ['/api_url', '/web_url'],
    gitlab: ['/url'],
    gong: ['/api_url'],
    'google-calendar': [],
    'google-search-console': [],
    harvest: [],
    klaviyo: [],
    linear: ['/api_url'],
    mailgun: ['/region'],
    monday: [],
    nasa: [],
    notion: [],
    pagerduty: [],
    paystack: [],
    pokeapi: [],
    postgres: ['/host', '/port', '/ssl', '/ca'],
    quickbooks: ['/environment', '/realm_id'],
    s3: ['/endpoint'],
    salesforce: ['/api_url', '/domain', '/instance_url'],
    sendgrid: ['/region'],
    sentry: ['/hostname'],
    shortcut: [],
    slack: ['/api_url'],
    square: ['/environment'],
    stripe: ['/api_url'],
    woocommerce: ['/shop'],
    'zendesk-support': ['/subdomain'],
  })
})
