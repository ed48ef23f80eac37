import {
  anyOf,
  choice,
  component,
  fields,
  flag,
  integer,
  limited,
  list,
  mapOf,
  number,
  object,
  text,
  typed,
} from './shape.ts'
import type { Definitions } from './shape.ts'

const integerOrText = anyOf(integer, text)
const matchers = list(component('HttpRequestRegexMatcher'))
const texts = list(text)

export const requesterDefinitions: Definitions = {
  HttpRequester: typed({
    fields: {
      url_base: text,
      url: text,
      path: text,
      http_method: choice('GET', 'POST'),
      authenticator: component(
        'ApiKeyAuthenticator',
        'BasicHttpAuthenticator',
        'BearerAuthenticator',
        'OAuthAuthenticator',
        'JwtAuthenticator',
        'SessionTokenAuthenticator',
        'SelectiveAuthenticator',
        'CustomAuthenticator',
        'NoAuth',
        'LegacySessionTokenAuthenticator',
        'RateLimitedMultipleTokenAuthenticator',
      ),
      fetch_properties_from_endpoint: component('PropertiesFromEndpoint'),
      query_properties: component('QueryProperties'),
      request_parameters: anyOf(mapOf(anyOf(component('QueryProperties'), text)), text),
      request_headers: anyOf(mapOf(text), text),
      request_body_data: anyOf(mapOf(text), text),
      request_body_json: anyOf(object, text),
      request_body: component(
        'RequestBodyPlainText',
        'RequestBodyUrlEncodedForm',
        'RequestBodyJsonObject',
        'RequestBodyGraphQL',
      ),
      error_handler: component(
        'DefaultErrorHandler',
        'CompositeErrorHandler',
        'CustomErrorHandler',
      ),
      use_cache: flag,
      connect_timeout_in_seconds: limited(number, { above: 0 }),
      read_timeout_in_seconds: limited(number, { above: 0 }),
      use_tcp_keepalive: flag,
    },
  }),
  CustomRequester: typed({ required: ['class_name'], fields: { class_name: text } }),
  RequestOption: typed({
    required: ['inject_into'],
    fields: {
      inject_into: choice('request_parameter', 'header', 'body_data', 'body_json'),
      field_name: text,
      field_path: texts,
    },
  }),
  RequestPath: typed({}),
  RequestBodyPlainText: typed({ required: ['value'], fields: { value: text } }),
  RequestBodyUrlEncodedForm: typed({ required: ['value'], fields: { value: mapOf(text) } }),
  RequestBodyJsonObject: typed({ required: ['value'], fields: { value: object } }),
  RequestBodyGraphQL: typed({
    required: ['value'],
    fields: { value: component('RequestBodyGraphQlQuery') },
  }),
  RequestBodyGraphQlQuery: fields({ required: ['query'], fields: { query: text } }),
  QueryProperties: typed({
    required: ['property_list'],
    fields: {
      property_list: anyOf(component('PropertiesFromEndpoint'), texts),
      always_include_properties: texts,
      property_chunking: component('PropertyChunking'),
      property_selector: component('JsonSchemaPropertySelector'),
    },
  }),
  PropertiesFromEndpoint: typed({
    required: ['property_field_path', 'retriever'],
    fields: {
      property_field_path: texts,
      retriever: component('SimpleRetriever', 'CustomRetriever'),
    },
  }),
  PropertyChunking: typed({
    required: ['property_limit_type'],
    fields: {
      property_limit_type: choice('characters', 'property_count'),
      property_limit: integer,
      record_merge_strategy: component('GroupByKeyMergeStrategy'),
    },
  }),
  GroupByKeyMergeStrategy: typed({
    required: ['key'],
    fields: { key: anyOf(text, texts) },
    others: true,
  }),
  JsonSchemaPropertySelector: typed({
    fields: {
      transformations: list(
        component(
          'AddFields',
          'RemoveFields',
          'KeysToLower',
          'KeysToSnakeCase',
          'FlattenFields',
          'DpathFlattenFields',
          'KeysReplace',
          'CustomTransformation',
        ),
      ),
    },
  }),
  HTTPAPIBudget: typed({
    required: ['policies'],
    fields: {
      policies: list(
        component(
          'FixedWindowCallRatePolicy',
          'MovingWindowCallRatePolicy',
          'UnlimitedCallRatePolicy',
        ),
      ),
      ratelimit_reset_header: text,
      ratelimit_remaining_header: text,
      status_codes_for_ratelimit_hit: list(integer),
    },
  }),
  FixedWindowCallRatePolicy: typed({
    required: ['period', 'call_limit', 'matchers'],
    fields: { period: text, call_limit: integer, matchers: matchers },
  }),
  MovingWindowCallRatePolicy: typed({
    required: ['rates', 'matchers'],
    fields: { rates: list(component('Rate')), matchers: matchers },
  }),
  UnlimitedCallRatePolicy: typed({ required: ['matchers'], fields: { matchers: matchers } }),
  Rate: fields({
    required: ['limit', 'interval'],
    fields: { limit: integerOrText, interval: text },
  }),
  HttpRequestRegexMatcher: fields({
    fields: {
      method: text,
      url_base: text,
      url_path_pattern: text,
      params: object,
      headers: object,
      weight: integerOrText,
    },
  }),
}
