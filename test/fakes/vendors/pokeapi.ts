import { notFound, type Vendor } from './vendor-api.ts'

/** PokéAPI with 201 pokémon, the last of them without details. */
export const pokeapi: Vendor = ({ host, path, query }) => {
  const [, resource = '', name] = /^\/api\/v2\/([a-z]+)(?:\/(.+))?$/.exec(path) ?? []
  const names = lists[resource]
  if (host !== 'pokeapi.co' || names === undefined) return notFound
  if (name !== undefined) {
    const id = names.indexOf(name) + 1
    if (id === 0 || id === 201) return notFound
    const details = { id, name, height: 7, weight: 69, is_default: true, types: [{ slot: 1 }] }
    return { body: { ...details, base_experience: id === 1 ? 64 : null } }
  }
  const offset = Number(query.get('offset') ?? 0)
  const limit = Number(query.get('limit') ?? 20)
  const results = names.slice(offset, offset + limit).map((each) => ({
    name: each,
    url: `https://pokeapi.co/api/v2/${resource}/${each}/`,
  }))
  return { body: { count: names.length, next: null, previous: null, results } }
}

const lists: Readonly<Record<string, readonly string[]>> = {
  pokemon: Array.from({ length: 201 }, (_, index) => `pokemon-${String(index + 1)}`),
  type: ['normal', 'fire'],
  berry: ['cheri', 'chesto', 'pecha'],
}
