/** The types of the Airbyte protocol, and the wire format of the topics: docs/topics.md describes it. */
export {
  airbyteCatalog,
  airbyteConnectionStatus,
  airbyteStream,
  configuredAirbyteCatalog,
  configuredAirbyteStream,
  type AirbyteCatalog,
  type AirbyteConnectionStatus,
  type AirbyteStream,
  type ConfiguredAirbyteCatalog,
  type ConfiguredAirbyteStream,
} from '../protocol/catalog.ts'
export {
  airbyteMessage,
  stateType,
  type AirbyteMessage,
  type AirbyteMessageType,
  type AirbyteRecord,
  type AirbyteRecordChange,
  type AirbyteSpec,
  type AirbyteState,
  type AirbyteTrace,
} from '../protocol/messages.ts'
export { encodeMessage, JsonLinesDecoder, type JsonLine } from '../protocol/json-lines.ts'
export { parseExact, stringifyExact } from '../protocol/exact-json.ts'
export type { JsonObject, JsonValue, RecordData, RecordValue } from '../protocol/json.ts'
export { columnsOf, type Column, type ColumnKind } from '../protocol/columns.ts'
export { wireSchema, type WireSchema } from '../protocol/avro/avro-schema.ts'
export {
  BlockEncoder,
  type BlockEncoderOptions,
  type EncodedBlock,
  type Rejection,
} from '../protocol/avro/block-encoder.ts'
export { decodeBlock, type DecodedRecord } from '../protocol/avro/decode-block.ts'
export { fingerprintOf, type Fingerprint } from '../protocol/avro/fingerprint.ts'
export {
  fingerprintIn,
  frameBlock,
  frameRecord,
  unframeBlock,
  unframeRecord,
} from '../protocol/avro/frame-block.ts'
export {
  ConnectError,
  type ErrorBody,
  type ErrorDetails,
} from '../protocol/errors/connect-error.ts'
export {
  errorCodes,
  type ErrorCode,
  type ErrorCodeName,
  type FailureType,
} from '../protocol/errors/codes.ts'
