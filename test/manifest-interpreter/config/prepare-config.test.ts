import { describe, expect, it } from 'vitest'
import type { SideMessage } from '../../../manifest-interpreter/contracts.ts'
import {
  prepareConfig,
  registerConfigTransformation,
  validateConfig,
} from '../../../manifest-interpreter/config/prepare-config.ts'
import { TemplateCompiler } from '../../../manifest-interpreter/interpolation/template-compiler.ts'
import { set } from '../../../manifest-interpreter/value/dict.ts'
import { loadManifest } from '../../../manifest-interpreter/manifest/load-manifest.ts'
import type { Dict, PlainDict } from '../../../manifest-interpreter/value/value.ts'
import { manifest } from '../manifest/manifests.ts'

const templates = new TemplateCompiler({ nowMicros: () => 0, uuid: () => '' })

function withRules(rules: PlainDict) {
  return loadManifest(
    manifest({
      spec: {
        type: 'Spec',
        connection_specification: { type: 'object' },
        config_normalization_rules: { type: 'ConfigNormalizationRules', ...rules },
      },
    }),
  )
}

function prepared(rules: PlainDict, config: Dict): { config: Dict; emitted: SideMessage[] } {
  const emitted: SideMessage[] = []
  const environment = { emit: (message: SideMessage) => emitted.push(message) }
  return { config: prepareConfig(withRules(rules), config, { templates, environment }), emitted }
}

function added(path: string[], value: string, more: PlainDict = {}): PlainDict {
  return { type: 'AddedFieldDefinition', path, value, ...more }
}

function migration(...transformations: PlainDict[]): PlainDict {
  return { config_migrations: [{ type: 'ConfigMigration', transformations }] }
}

describe('migrations', () => {
  it('change the configuration, and tell', () => {
    const given = { old_token: 't', keep: 1 }
    const { config, emitted } = prepared(
      migration(
        {
          type: 'ConfigAddFields',
          fields: [added(['creds', 'token'], "{{ config['old_token'] }}")],
          condition: "{{ 'old_token' in config }}",
        },
        { type: 'ConfigRemoveFields', field_pointers: [['old_token'], ['not', 'there']] },
      ),
      given,
    )
    expect(config).toStrictEqual({ keep: 1, creds: { token: 't' } })
    expect(emitted).toStrictEqual([{ kind: 'config', config }])
    expect(given).toStrictEqual({ old_token: 't', keep: 1 })
  })

  it('that change nothing at the top tell nothing', () => {
    const given = { creds: { a: 1 } }
    const rules = migration({ type: 'ConfigAddFields', fields: [added(['creds', 'b'], '2')] })
    const { config, emitted } = prepared(rules, given)
    expect(config).toStrictEqual({ creds: { a: 1, b: 2 } })
    expect(emitted).toStrictEqual([])
    expect(given).toStrictEqual({ creds: { a: 1 } })
  })

  it('do nothing to an empty configuration', () => {
    const rules = migration({ type: 'ConfigAddFields', fields: [added(['a'], '2')] })
    expect(prepared(rules, {}).config).toStrictEqual({})
  })

  it('in Python are refused', () => {
    const rules = migration({ type: 'CustomConfigTransformation', class_name: 'source_x.Migrate' })
    expect(() => prepared(rules, { a: 1 })).toThrow('source_x.Migrate')
  })

  it('in Python can be replaced', () => {
    registerConfigTransformation('source_x.Replaced', () => (config) => {
      set(config, 'b', 2)
    })
    const rules = migration({ type: 'CustomConfigTransformation', class_name: 'source_x.Replaced' })
    expect(prepared(rules, { a: 1 }).config).toStrictEqual({ a: 1, b: 2 })
  })
})

describe('transformations', () => {
  it('see what those before them did, and tell nothing', () => {
    const { config, emitted } = prepared(
      {
        transformations: [
          { type: 'ConfigRemapField', map: { EU: 'eu.api' }, field_path: ['region'] },
          {
            type: 'ConfigAddFields',
            fields: [
              added(['url'], "https://{{ config['region'] }}"),
              added(['n'], '5', { value_type: 'integer' }),
              added(['text'], '5', { value_type: 'string' }),
            ],
          },
        ],
      },
      { region: 'EU' },
    )
    expect(config).toStrictEqual({ region: 'eu.api', url: 'https://eu.api', n: 5, text: '5' })
    expect(emitted).toStrictEqual([])
  })

  it('leave values alone for which a map has nothing', () => {
    const remap = { type: 'ConfigRemapField', map: { a: 'b' }, field_path: ['x', 'y'] }
    for (const given of [{ x: { y: 'c' } }, { x: 1 }, { z: 1 }]) {
      expect(prepared({ transformations: [remap] }, given).config).toStrictEqual(given)
    }
  })
})

describe('validations', () => {
  function validate(config: Dict, field_path: string[], base_schema: PlainDict): void {
    const validation = {
      type: 'DpathValidator',
      field_path,
      validation_strategy: { type: 'ValidateAdheresToSchema', base_schema },
    }
    validateConfig(withRules({ validations: [validation] }), config, templates)
  }

  it('refuse a value in the words of the reference', () => {
    const schema = { type: 'object', properties: { type: { enum: ['oauth', 'key'] } } }
    expect(() => {
      validate({ creds: { type: 'nope' } }, ['creds'], schema)
    }).toThrow("JSON schema validation error: /type: The value is not one of ['oauth', 'key']")
  })

  it('read a text as JSON', () => {
    expect(() => {
      validate({ a: 'oauth' }, ['a'], { type: 'string' })
    }).toThrow('The text is not JSON.')
    validate({ a: '"oauth"' }, ['a'], { type: 'string' })
  })

  it('look at every value of a path with a star', () => {
    const config = { list: [{ n: 1 }, { n: true }] }
    expect(() => {
      validate(config, ['list', '*', 'n'], { type: 'integer' })
    }).toThrow("The value is not of type 'integer'")
  })

  it('pass where there is nothing', () => {
    validate({}, ['a', 'b'], { type: 'integer' })
  })

  it('by predicate always fail, as in the reference', () => {
    const validation = {
      type: 'PredicateValidator',
      value: 1,
      validation_strategy: { type: 'ValidateAdheresToSchema', base_schema: {} },
    }
    expect(() => {
      validateConfig(withRules({ validations: [validation] }), {}, templates)
    }).toThrow('takes 1 positional argument')
  })
})
