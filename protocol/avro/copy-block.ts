/**
 * A copy over a buffer that is filled again, if there is one and it is large enough, or over a new one of
 * `room` bytes.
 */
export function copyBlock(
  bytes: Uint8Array,
  { room, reuse }: { readonly room: number; readonly reuse: () => ArrayBuffer | undefined },
): Uint8Array<ArrayBuffer> {
  const buffer = reuse()
  const fits = buffer !== undefined && bytes.length <= buffer.byteLength
  const copy = new Uint8Array(fits ? buffer : new ArrayBuffer(room), 0, bytes.length)
  copy.set(bytes)
  return copy
}
