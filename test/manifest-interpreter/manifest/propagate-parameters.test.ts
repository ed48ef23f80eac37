import { describe, expect, it } from 'vitest'
import { propagateParameters } from '../../../manifest-interpreter/manifest/propagate-parameters.ts'
import type { PlainDict } from '../../../manifest-interpreter/value/value.ts'

describe('types', () => {
  it('are given by parent and field where they are left out', () => {
    expect(
      propagateParameters({
        type: 'DeclarativeStream',
        retriever: { requester: { authenticator: { class_name: 'source.Auth' } } },
      }),
    ).toStrictEqual({
      type: 'DeclarativeStream',
      retriever: {
        type: 'SimpleRetriever',
        requester: {
          type: 'HttpRequester',
          authenticator: { class_name: 'source.Auth', type: 'CustomAuthenticator' },
        },
      },
    })
  })
})

describe('parameters', () => {
  it('become fields of a component and of what is inside of it, unless it has a value there', () => {
    expect(
      propagateParameters({
        type: 'Outer',
        $parameters: { name: 'n', path: 'p' },
        path: '',
        inner: { type: 'Inner', name: 'own' },
      }),
    ).toStrictEqual({
      type: 'Outer',
      path: 'p',
      inner: {
        type: 'Inner',
        name: 'own',
        path: 'p',
        $parameters: { name: 'n', path: 'p' },
      },
      name: 'n',
      $parameters: { name: 'n', path: 'p' },
    })
  })

  it('of the component win over those of its parents, or the other way round', () => {
    const component = {
      type: 'A',
      $parameters: { x: 'parent' },
      b: { type: 'B', $parameters: { x: 'child' } },
    }
    expect(propagateParameters(component)).toMatchObject({ b: { x: 'child' } })
    expect(propagateParameters(component, { parentWins: true })).toMatchObject({
      b: { x: 'parent' },
    })
  })

  it('are not passed to the field that bears their name', () => {
    const result = propagateParameters({
      type: 'A',
      $parameters: { b: { type: 'B' }, c: 1 },
      other: { type: 'C' },
    })
    expect(result).toMatchObject({
      b: { type: 'B', c: 1, $parameters: { c: 1 } },
      other: { b: { type: 'B' }, c: 1 },
    })
  })

  it('do not reach JSON schemas', () => {
    const schema = { type: 'object', properties: { type: { type: 'string' } } }
    expect(
      propagateParameters({ type: 'InlineSchemaLoader', $parameters: { name: 'n' }, schema }),
    ).toMatchObject({ schema })
  })

  it('that are no object are refused', () => {
    expect(() => propagateParameters({ type: 'A', $parameters: 'x' })).toThrow('not an object')
  })

  it('the given tree stays as it is', () => {
    const list = [{ type: 'B' }]
    const component = { type: 'A', $parameters: { x: 1 }, list }
    propagateParameters(component)
    expect(component).toStrictEqual({ type: 'A', $parameters: { x: 1 }, list: [{ type: 'B' }] })
  })

  it('parameters that reach too many components are refused', () => {
    const parameters = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`p${i}`, i]))
    const list = Array.from({ length: 1000 }, () => ({ type: 'B' }))
    expect(() => propagateParameters({ type: 'A', $parameters: parameters, list })).toThrow(
      'reach too many components',
    )
  })

  it('components that multiply are refused', () => {
    let manifest: PlainDict = { type: 'X' }
    for (let i = 1; i < 40; i++) manifest = { type: 'X', l: manifest, r: manifest }
    expect(() => propagateParameters(manifest)).toThrow('too many components')
  })
})
