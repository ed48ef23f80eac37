import type { Dict, PlainDict } from '../../../manifest-interpreter/value/value.ts'

/** A small manifest that is valid. */
export function manifest(changes: PlainDict = {}): Dict {
  return {
    version: '7.0.0',
    type: 'DeclarativeSource',
    check: { type: 'CheckStream', stream_names: ['items'] },
    streams: [stream('items')],
    ...changes,
  }
}

export function stream(name: string, retriever: PlainDict = {}): PlainDict {
  return {
    type: 'DeclarativeStream',
    name,
    retriever: {
      type: 'SimpleRetriever',
      requester: { type: 'HttpRequester', url_base: 'https://api.test', path: name },
      record_selector: {
        type: 'RecordSelector',
        extractor: { type: 'DpathExtractor', field_path: [] },
      },
      ...retriever,
    },
  }
}

export function childOf(...parents: PlainDict[]): PlainDict {
  return {
    type: 'SubstreamPartitionRouter',
    parent_stream_configs: parents.map((parent) => ({
      type: 'ParentStreamConfig',
      parent_key: 'id',
      partition_field: 'parent',
      stream: parent,
    })),
  }
}
