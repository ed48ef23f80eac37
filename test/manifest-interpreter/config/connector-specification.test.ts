import { describe, expect, it } from 'vitest'
import { connectorSpecification } from '../../../manifest-interpreter/config/connector-specification.ts'
import { loadManifest } from '../../../manifest-interpreter/manifest/load-manifest.ts'
import type { PlainDict } from '../../../manifest-interpreter/value/value.ts'
import { manifest } from '../manifest/manifests.ts'

function specification(spec: PlainDict): PlainDict {
  const connection_specification = { type: 'object', title: null, properties: { a: null } }
  return connectorSpecification(
    loadManifest(manifest({ spec: { type: 'Spec', connection_specification, ...spec } })),
  )
}

describe('the specification', () => {
  it('has the names of the protocol', () => {
    expect(specification({ documentation_url: 'https://docs.test' })).toStrictEqual({
      connectionSpecification: { type: 'object', properties: { a: null } },
      documentationUrl: 'https://docs.test',
      supportsNormalization: false,
      supportsDBT: false,
    })
  })

  it('holds of OAuth what the protocol knows', () => {
    const spec = specification({
      advanced_auth: {
        auth_flow_type: 'oauth2.0',
        unknown: 1,
        oauth_config_specification: {
          unknown: 1,
          oauth_connector_input_specification: {
            consent_url: 'c',
            access_token_url: 't',
            state: { min: 1, max: 2, more: 3 },
          },
          complete_oauth_output_specification: {},
        },
      },
    })
    expect(spec.advanced_auth).toStrictEqual({
      auth_flow_type: 'oauth2.0',
      oauth_config_specification: {
        complete_oauth_output_specification: {},
        oauth_connector_input_specification: {
          scopes_join_strategy: 'space',
          consent_url: 'c',
          access_token_url: 't',
          state: { min: 1, max: 2 },
        },
      },
    })
  })

  it('must be there', () => {
    expect(() => connectorSpecification(loadManifest(manifest()))).toThrow('no "spec"')
  })
})
