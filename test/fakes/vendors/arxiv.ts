import { notFound, type Vendor } from './vendor-api.ts'

export interface Paper {
  readonly id: string
  readonly published: string
  readonly updated: string
  readonly authors: readonly string[]
}

/** arXiv's query interface: an Atom feed of the papers that a query finds, in its order. */
export function arxiv(papers: readonly Paper[]): Vendor {
  return ({ host, path, query }) => {
    if (host !== 'export.arxiv.org' || path !== '/api/query') return notFound
    const search = query.get('search_query') ?? ''
    if (!search.includes('cat:cs.DB')) return { status: 400, body: '<feed></feed>' }
    const [, from = '0', to = '9'] = /submittedDate:\[(\d{12}) TO (\d{12})\]/.exec(search) ?? []
    const field = query.get('sortBy') === 'lastUpdatedDate' ? 'updated' : 'published'
    const found = papers
      .filter(({ published }) => minute(published) >= from && minute(published) <= to)
      .toSorted((a, b) => a[field].localeCompare(b[field]))
    if (query.get('sortOrder') === 'descending') found.reverse()
    const start = Number(query.get('start'))
    const entries = found.slice(start, start + Number(query.get('max_results'))).map(entryOf)
    return {
      headers: { 'content-type': 'application/atom+xml; charset=utf-8' },
      body: `<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>arXiv Query</title>
<opensearch:totalResults xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">${String(found.length)}</opensearch:totalResults>
${entries.join('\n')}
</feed>`,
    }
  }
}

function minute(time: string): string {
  return time.replaceAll(/\D/g, '').slice(0, 12)
}

function entryOf({ id, published, updated, authors }: Paper): string {
  return `<entry>
<id>http://arxiv.org/abs/${id}</id><updated>${updated}</updated><published>${published}</published>
<title>Paper ${id}</title><summary>A &lt;short&gt; one.</summary>
${authors.map((name) => `<author><name>${name}</name></author>`).join('')}
<arxiv:primary_category xmlns:arxiv="http://arxiv.org/schemas/atom" term="cs.DB" scheme="http://arxiv.org/schemas/atom"/>
<category term="cs.DB" scheme="http://arxiv.org/schemas/atom"/>
<link href="http://arxiv.org/abs/${id}" rel="alternate" type="text/html"/>
</entry>`
}
