import { describe, expect, it } from 'vitest'
import { resolveReferences } from '../../../manifest-interpreter/manifest/resolve-references.ts'
import { loadYaml } from '../../../manifest-interpreter/yaml/load-yaml.ts'
import { isDict } from '../../../manifest-interpreter/value/dict.ts'

function resolved(yaml: string): unknown {
  const manifest = loadYaml(yaml)
  if (!isDict(manifest)) throw new TypeError('no object')
  return resolveReferences(manifest)
}

describe('references', () => {
  it('a text is replaced by what it names', () => {
    expect(resolved('k: {a: 1}\nb: "#/k"\nc: "#/k/a"')).toStrictEqual({
      k: { a: 1 },
      b: { a: 1 },
      c: 1,
    })
  })

  it('$ref adds entries, and those beside it win, in the order of what it names', () => {
    const value = resolved('k: {a: 1, b: 2}\nx: {c: 3, b: 4, $ref: "#/k"}')
    expect(JSON.stringify(value)).toBe('{"k":{"a":1,"b":2},"x":{"a":1,"b":4,"c":3}}')
  })

  it('$ref to what is no object is that value', () => {
    expect(resolved('k: 5\nx: {$ref: "#/k", y: 1}')).toMatchObject({ x: 5 })
  })

  it('references inside of what is named are followed', () => {
    expect(resolved('a: {$ref: "#/b"}\nb: {$ref: "#/c", y: 2}\nc: {x: 1}')).toMatchObject({
      a: { x: 1, y: 2 },
    })
  })

  it('a key with slashes is found before the path that it looks like', () => {
    expect(resolved('nested: {path: 1}\nnested/path: 2\nv: "#/nested/path"')).toMatchObject({
      v: 2,
    })
  })

  it('a part that is a number is an index, or a key that is a number', () => {
    expect(resolved('l: [a, b]\nm: {7: x}\nv: "#/l/1"\nw: "#/m/7"')).toMatchObject({
      v: 'b',
      w: 'x',
    })
  })

  it('values of config_overrides are left alone', () => {
    expect(resolved('config_overrides: {a: "#/nope"}')).toStrictEqual({
      config_overrides: { a: '#/nope' },
    })
  })

  it.each([
    ['a: "#/definitions/nope"', 'Undefined reference #/definitions/nope'],
    ['l: [1]\na: "#/l/3"', 'Undefined reference #/l/3'],
    ['a: "#/b"\nb: "#/a"', 'Circular reference found: #/b'],
    ['a: {$ref: "#/a"}', 'Circular reference found: #/a'],
    ['constructor: 1\na: "#/constructor/name"', 'Undefined reference'],
  ])('%j is refused', (yaml, message) => {
    expect(() => resolved(yaml)).toThrow(message)
  })

  it('references that multiply are refused at once', () => {
    // 9^30 values: creating them would never end.
    const lines = ['a0: [x, y]']
    for (let i = 1; i <= 30; i += 1)
      lines.push(`a${i}: [${Array.from({ length: 9 }, () => `"#/a${i - 1}"`).join(', ')}]`)
    expect(() => resolved(lines.join('\n'))).toThrow('expand to more than 2,000,000 values')
  })

  it("what an object's own entries replace does not count", () => {
    // 1,001 times 3,001 values without the replacement.
    const big = `big: {${Array.from({ length: 3000 }, (_, i) => `k${i}: ${i}`).join(', ')}}`
    const base = 'base: {type: X, fields: {$ref: "#/big"}}'
    const copies = Array.from({ length: 1000 }, (_, i) => `c${i}: {$ref: "#/base", fields: {}}`)
    expect(resolved([big, base, ...copies].join('\n'))).toMatchObject({
      c999: { type: 'X', fields: {} },
    })
  })

  it('a chain that nests without end is refused', () => {
    const lines = Array.from({ length: 2000 }, (_, i) => `a${i}: {x: {$ref: "#/a${i + 1}"}}`)
    expect(() => resolved([...lines, 'a2000: {}'].join('\n'))).toThrow('nests more than')
  })
})
