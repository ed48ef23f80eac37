import type { Component, Roles } from '../component.ts'
import { asyncRetriever } from './async-jobs/async-retriever.ts'
import { apiKeyAuthenticator } from './auth/api-key-authenticator.ts'
import { basicHttpAuthenticator } from './auth/basic-http-authenticator.ts'
import { bearerAuthenticator } from './auth/bearer-authenticator.ts'
import { jwtAuthenticator } from './auth/jwt-authenticator.ts'
import { legacySessionTokenAuthenticator } from './auth/legacy-session-token-authenticator.ts'
import { noAuth } from './auth/no-auth.ts'
import { oauthAuthenticator } from './auth/oauth-authenticator.ts'
import { rateLimitedMultipleTokenAuthenticator } from './auth/rate-limited-multiple-token-authenticator.ts'
import { selectiveAuthenticator } from './auth/selective-authenticator.ts'
import { sessionTokenAuthenticator } from './auth/session-token-authenticator.ts'
import {
  buildGzipDecoder,
  buildJsonDecoder,
  buildJsonLinesDecoder,
  buildStreamedDecoder,
  buildXmlDecoder,
  buildZipfileDecoder,
} from './decoders/build-decoder.ts'
import { iterableDecoder } from './decoders/iterable-decoder.ts'
import { combinedExtractor } from './extractors/combined-extractor.ts'
import { dpathExtractor } from './extractors/dpath-extractor.ts'
import { responseToFileExtractor } from './extractors/response-to-file-extractor.ts'
import { cursorPagination } from './paginators/cursor-pagination.ts'
import { defaultPaginator } from './paginators/default-paginator.ts'
import { noPagination } from './paginators/no-pagination.ts'
import { offsetIncrement } from './paginators/offset-increment.ts'
import { pageIncrement } from './paginators/page-increment.ts'
import { groupingPartitionRouter } from './partition-routers/grouping-partition-router.ts'
import { listPartitionRouter } from './partition-routers/list-partition-router.ts'
import { substreamPartitionRouter } from './partition-routers/substream-partition-router.ts'
import { unionPartitionRouter } from './partition-routers/union-partition-router.ts'
import { recordFilter } from './record-selection/record-filter.ts'
import { recordSelector } from './record-selection/record-selector.ts'
import { constantBackoffStrategy } from './requesters/backoff/constant-backoff-strategy.ts'
import { exponentialBackoffStrategy } from './requesters/backoff/exponential-backoff-strategy.ts'
import { waitTimeFromHeader } from './requesters/backoff/wait-time-from-header.ts'
import { waitTimeFromResponse } from './requesters/backoff/wait-time-from-response.ts'
import { waitUntilTimeFromHeader } from './requesters/backoff/wait-until-time-from-header.ts'
import { compositeErrorHandler } from './requesters/error-handlers/composite-error-handler.ts'
import { defaultErrorHandler } from './requesters/error-handlers/default-error-handler.ts'
import { httpRequester } from './requesters/http-requester.ts'
import { simpleRetriever } from './retrievers/build-simple-retriever.ts'
import { dynamicSchemaLoader } from './schema/dynamic-schema-loader.ts'
import { inlineSchemaLoader } from './schema/inline-schema-loader.ts'
import { jsonFileSchemaLoader } from './schema/json-file-schema-loader.ts'
import { declarativeStream } from './streams/declarative-stream.ts'
import { stateDelegatingStream } from './streams/state-delegating-stream.ts'
import { addFields } from './transformations/add-fields.ts'
import { dpathFlattenFields } from './transformations/dpath-flatten-fields.ts'
import { flattenFields } from './transformations/flatten-fields.ts'
import { keysReplace } from './transformations/keys-replace.ts'
import { keysToLower } from './transformations/keys-to-lower.ts'
import { keysToSnakeCase } from './transformations/keys-to-snake-case.ts'
import { removeFields } from './transformations/remove-fields.ts'

/** Names a class of Python: a TypeScript component can take its place (`registerComponent` in builder.ts). */
const replaceable = 'replaceable'

type RoleTable = {
  readonly [Role in keyof Roles]: Readonly<Record<string, Component<Role> | typeof replaceable>>
}

/**
 * Every component type of Airbyte's Low-Code language, under Airbyte's name, and its treatment here.
 * docs/manifest-support.md shows the same to users; a test compares this table with that page and with the
 * definitions in `manifest/definitions/`, so that no type is missing in one of the three.
 */
export const componentTypes: {
  /** Types that a manifest puts into a role: the function that compiles each, or that it is replaceable. */
  readonly roles: RoleTable
  /** Types that only occur inside others: the file of the interpreter that reads each. */
  readonly parts: Readonly<Record<string, string>>
  /** Types that cannot be used, each with the reason and the next step. */
  /** Types that a function replaces, registered elsewhere: they work before there is a builder. */
  readonly functions: Readonly<Record<string, string>>
  readonly refused: Readonly<Record<string, string>>
} = {
  roles: {
    stream: { DeclarativeStream: declarativeStream, StateDelegatingStream: stateDelegatingStream },
    retriever: {
      AsyncRetriever: asyncRetriever,
      CustomRetriever: replaceable,
      SimpleRetriever: simpleRetriever,
    },
    requester: { CustomRequester: replaceable, HttpRequester: httpRequester },
    authenticator: {
      ApiKeyAuthenticator: apiKeyAuthenticator,
      BasicHttpAuthenticator: basicHttpAuthenticator,
      BearerAuthenticator: bearerAuthenticator,
      CustomAuthenticator: replaceable,
      JwtAuthenticator: jwtAuthenticator,
      LegacySessionTokenAuthenticator: legacySessionTokenAuthenticator,
      NoAuth: noAuth,
      OAuthAuthenticator: oauthAuthenticator,
      RateLimitedMultipleTokenAuthenticator: rateLimitedMultipleTokenAuthenticator,
      SelectiveAuthenticator: selectiveAuthenticator,
      SessionTokenAuthenticator: sessionTokenAuthenticator,
    },
    errorHandler: {
      CompositeErrorHandler: compositeErrorHandler,
      CustomErrorHandler: replaceable,
      DefaultErrorHandler: defaultErrorHandler,
    },
    backoffStrategy: {
      ConstantBackoffStrategy: constantBackoffStrategy,
      CustomBackoffStrategy: replaceable,
      ExponentialBackoffStrategy: exponentialBackoffStrategy,
      WaitTimeFromHeader: waitTimeFromHeader,
      WaitTimeFromResponse: waitTimeFromResponse,
      WaitUntilTimeFromHeader: waitUntilTimeFromHeader,
    },
    paginator: { DefaultPaginator: defaultPaginator, NoPagination: noPagination },
    paginationStrategy: {
      CursorPagination: cursorPagination,
      CustomPaginationStrategy: replaceable,
      OffsetIncrement: offsetIncrement,
      PageIncrement: pageIncrement,
    },
    partitionRouter: {
      CustomPartitionRouter: replaceable,
      GroupingPartitionRouter: groupingPartitionRouter,
      ListPartitionRouter: listPartitionRouter,
      SubstreamPartitionRouter: substreamPartitionRouter,
      UnionPartitionRouter: unionPartitionRouter,
    },
    decoder: {
      CsvDecoder: buildStreamedDecoder,
      CustomDecoder: replaceable,
      GzipDecoder: buildGzipDecoder,
      IterableDecoder: iterableDecoder,
      JsonDecoder: buildJsonDecoder,
      JsonItemsDecoder: buildStreamedDecoder,
      JsonlDecoder: buildJsonLinesDecoder,
      XmlDecoder: buildXmlDecoder,
      ZipfileDecoder: buildZipfileDecoder,
    },
    recordSelector: { RecordSelector: recordSelector },
    extractor: {
      CombinedExtractor: combinedExtractor,
      CustomRecordExtractor: replaceable,
      DpathExtractor: dpathExtractor,
      ResponseToFileExtractor: responseToFileExtractor,
    },
    recordFilter: { CustomRecordFilter: replaceable, RecordFilter: recordFilter },
    transformation: {
      AddFields: addFields,
      CustomTransformation: replaceable,
      DpathFlattenFields: dpathFlattenFields,
      FlattenFields: flattenFields,
      KeysReplace: keysReplace,
      KeysToLower: keysToLower,
      KeysToSnakeCase: keysToSnakeCase,
      RemoveFields: removeFields,
    },
    schemaLoader: {
      CustomSchemaLoader: replaceable,
      DynamicSchemaLoader: dynamicSchemaLoader,
      InlineSchemaLoader: inlineSchemaLoader,
      JsonFileSchemaLoader: jsonFileSchemaLoader,
    },
    // The types of the language are built where they are used: only classes are looked up here.
    stateMigration: { CustomStateMigration: replaceable },
    schemaNormalization: { CustomSchemaNormalization: replaceable },
  },
  parts: {
    // The source as a whole
    DeclarativeSource: 'source/manifest-source.ts',
    CheckStream: 'source/check-connection.ts',
    DynamicStreamCheckConfig: 'source/check-connection.ts',
    CheckDynamicStream: 'source/check-connection.ts',
    ConditionalStreams: 'manifest/stream-definitions.ts',
    StreamGroup: 'manifest/stream-definitions.ts',
    BlockSimultaneousSyncsAction: 'source/stream-groups.ts',
    ConcurrencyLevel: 'source/concurrency.ts',
    // Its configuration
    Spec: 'config/connector-specification.ts',
    AuthFlow: 'config/connector-specification.ts',
    OAuthConfigSpecification: 'config/connector-specification.ts',
    ConfigMigration: 'config/prepare-config.ts',
    ConfigAddFields: 'config/config-add-fields.ts',
    ConfigRemapField: 'config/config-remap-field.ts',
    ConfigRemoveFields: 'config/config-remove-fields.ts',
    DpathValidator: 'config/dpath-validator.ts',
    PredicateValidator: 'config/predicate-validator.ts',
    ValidateAdheresToSchema: 'config/validate-adheres-to-schema.ts',
    // Streams that are made while the source runs
    DynamicDeclarativeStream: 'components/dynamic/resolve-dynamic-streams.ts',
    ConfigComponentsResolver: 'components/dynamic/config-components-resolver.ts',
    StreamConfig: 'components/dynamic/config-components-resolver.ts',
    HttpComponentsResolver: 'components/dynamic/http-components-resolver.ts',
    ParametrizedComponentsResolver: 'components/dynamic/parametrized-components-resolver.ts',
    StreamParametersDefinition: 'components/dynamic/parametrized-components-resolver.ts',
    ComponentMappingDefinition: 'components/dynamic/component-mapping.ts',
    // Streams
    PrimaryKey: 'components/streams/declarative-stream.ts',
    DatetimeBasedCursor: 'components/incremental/datetime-based-cursor.ts',
    MinMaxDatetime: 'components/incremental/min-max-datetime.ts',
    IncrementingCountCursor: 'components/incremental/incrementing-count-cursor.ts',
    LegacyToPerPartitionStateMigration:
      'components/incremental/legacy-to-per-partition-state-migration.ts',
    ParentStreamConfig: 'components/partition-routers/parent-stream.ts',
    // Retrievers
    AsyncJobStatusMap: 'components/async-jobs/async-job-status-map.ts',
    PaginationReset: 'components/retrievers/build-simple-retriever.ts',
    PaginationResetLimits: 'components/retrievers/build-simple-retriever.ts',
    PageSizeReduction: 'components/paginators/page-size-reducer.ts',
    RequestWindowSplitting: 'components/retrievers/retriever-rules.ts',
    RequestPath: 'components/paginators/default-paginator.ts',
    QueryProperties: 'components/query-properties/query-properties.ts',
    PropertyChunking: 'components/query-properties/property-chunking.ts',
    GroupByKeyMergeStrategy: 'components/query-properties/group-by-key-merge-strategy.ts',
    PropertiesFromEndpoint: 'components/query-properties/properties-from-endpoint.ts',
    JsonSchemaPropertySelector: 'components/query-properties/json-schema-property-selector.ts',
    // Requests and their errors
    RequestOption: 'components/requesters/request-option.ts',
    RequestBodyGraphQL: 'components/requesters/interpolated-request-options-provider.ts',
    RequestBodyGraphQlQuery: 'components/requesters/interpolated-request-options-provider.ts',
    RequestBodyJsonObject: 'components/requesters/interpolated-request-options-provider.ts',
    RequestBodyPlainText: 'components/requesters/interpolated-request-options-provider.ts',
    RequestBodyUrlEncodedForm: 'components/requesters/interpolated-request-options-provider.ts',
    HttpResponseFilter: 'components/requesters/error-handlers/http-response-filter.ts',
    HTTPAPIBudget: 'components/requesters/call-budget.ts',
    FixedWindowCallRatePolicy: 'components/requesters/api-budget/fixed-window-call-rate-policy.ts',
    MovingWindowCallRatePolicy:
      'components/requesters/api-budget/moving-window-call-rate-policy.ts',
    UnlimitedCallRatePolicy: 'components/requesters/api-budget/unlimited-call-rate-policy.ts',
    Rate: 'components/requesters/call-budget.ts',
    HttpRequestRegexMatcher: 'components/requesters/request-matcher.ts',
    SessionTokenRequestApiKeyAuthenticator: 'components/auth/session-token-authenticator.ts',
    SessionTokenRequestBearerAuthenticator: 'components/auth/session-token-authenticator.ts',
    QuotaStatusSource: 'components/auth/quota-status.ts',
    TokenQuota: 'components/auth/token-quota.ts',
    // Records and their schemas
    CombineMode: 'components/extractors/combined-extractor.ts',
    RecordExpander: 'components/extractors/record-expander.ts',
    ParentFieldPath: 'components/extractors/parent-fields.ts',
    AddedFieldDefinition: 'components/transformations/add-fields.ts',
    ValueType: 'interpolation/python-type.ts',
    KeyTransformation: 'components/transformations/dpath-flatten-fields.ts',
    SchemaNormalization: 'components/record-selection/schema-normalization.ts',
    SchemaTypeIdentifier: 'components/schema/schema-type-identifier.ts',
    TypesMap: 'components/schema/schema-type-identifier.ts',
    ComplexFieldType: 'components/schema/schema-type-identifier.ts',
  },
  functions: { CustomConfigTransformation: 'config/prepare-config.ts' },
  refused: {
    CustomValidationStrategy: 'It is written in Python. Use ValidateAdheresToSchema.',
  },
}

/**
 * The function that compiles components of a type; undefined if the type does not fit the role or is
 * replaceable.
 */
export function compilerOf<Role extends keyof Roles>(
  role: Role,
  type: string,
): Component<Role> | undefined {
  const types: Readonly<Record<string, Component<Role> | typeof replaceable>> =
    componentTypes.roles[role]
  const entry = Object.hasOwn(types, type) ? types[type] : undefined
  return entry === replaceable ? undefined : entry
}
