import {
  anyOf,
  choice,
  component,
  fields,
  integer,
  json,
  list,
  object,
  text,
  typed,
} from './shape.ts'
import type { Definitions } from './shape.ts'

const configTransformations = list(
  component(
    'ConfigRemapField',
    'ConfigAddFields',
    'ConfigRemoveFields',
    'CustomConfigTransformation',
  ),
)
const strategy = component('ValidateAdheresToSchema', 'CustomValidationStrategy')
const texts = list(text)

export const specDefinitions: Definitions = {
  Spec: typed({
    required: ['connection_specification'],
    fields: {
      connection_specification: object,
      documentation_url: text,
      advanced_auth: component('AuthFlow'),
      config_normalization_rules: fields({
        required: ['type'],
        fields: {
          type: choice('ConfigNormalizationRules'),
          config_migrations: list(component('ConfigMigration')),
          transformations: configTransformations,
          validations: list(component('DpathValidator', 'PredicateValidator')),
        },
        closed: true,
      }),
    },
  }),
  AuthFlow: fields({
    fields: {
      auth_flow_type: choice('oauth2.0', 'oauth1.0'),
      predicate_key: texts,
      predicate_value: text,
      oauth_config_specification: component('OAuthConfigSpecification'),
    },
  }),
  OAuthConfigSpecification: fields({
    fields: {
      oauth_user_input_from_connector_config_specification: object,
      oauth_connector_input_specification: fields({
        required: ['consent_url', 'access_token_url'],
        fields: {
          consent_url: text,
          scope: text,
          scopes: list(fields({ required: ['scope'], fields: { scope: text } })),
          optional_scopes: list(fields({ required: ['scope'], fields: { scope: text } })),
          scopes_join_strategy: choice('space', 'comma', 'plus'),
          access_token_url: text,
          access_token_headers: object,
          access_token_params: object,
          extract_output: texts,
          state: fields({ required: ['min', 'max'], fields: { min: integer, max: integer } }),
          client_id_key: text,
          client_secret_key: text,
          scope_key: text,
          state_key: text,
          auth_code_key: text,
          redirect_uri_key: text,
        },
      }),
      complete_oauth_output_specification: object,
      complete_oauth_server_input_specification: object,
      complete_oauth_server_output_specification: object,
    },
  }),
  ConfigMigration: typed({
    required: ['transformations'],
    fields: { description: text, transformations: configTransformations },
  }),
  ConfigRemapField: typed({
    required: ['map', 'field_path'],
    fields: { map: anyOf(object, text), field_path: texts },
  }),
  ConfigAddFields: typed({
    required: ['fields'],
    fields: { fields: list(component('AddedFieldDefinition')), condition: text },
  }),
  ConfigRemoveFields: typed({
    required: ['field_pointers'],
    fields: { field_pointers: list(texts), condition: text },
  }),
  CustomConfigTransformation: typed({ required: ['class_name'], fields: { class_name: text } }),
  DpathValidator: typed({
    required: ['field_path', 'validation_strategy'],
    fields: { field_path: texts, validation_strategy: strategy },
  }),
  PredicateValidator: typed({
    required: ['value', 'validation_strategy'],
    fields: { value: json, validation_strategy: strategy },
  }),
  ValidateAdheresToSchema: typed({
    required: ['base_schema'],
    fields: { base_schema: anyOf(text, object) },
  }),
  CustomValidationStrategy: typed({ required: ['class_name'], fields: { class_name: text } }),
}
