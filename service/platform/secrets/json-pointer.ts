import {
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import { own } from '../../../manifest-interpreter/config/secret-schema.ts'

/** JSON pointers (RFC 6901): `/credentials/client_secret`. */
export function formatPointer(path: readonly string[]): string {
  return path.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

export function parsePointer(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** Undefined if there is nothing. */
export function valueAt(config: JsonObject, pointer: string): JsonValue | undefined {
  return parsePointer(pointer).reduce<JsonValue | undefined>((node, name) => {
    if (isJsonList(node)) return node[Number(name)]
    return isJsonObject(node) ? own(node, name) : undefined
  }, config)
}
