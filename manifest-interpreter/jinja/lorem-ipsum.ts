import { valueError } from '../value/python-error.ts'

const words =
  'a ac accumsan ad adipiscing aenean aliquam amet ante aptent arcu at auctor augue bibendum blandit class commodo condimentum congue consectetuer consequat conubia convallis cras cubilia cum curabitur curae cursus dapibus diam dictum dictumst dignissim dis dolor donec dui duis egestas eget eleifend elementum elit enim erat eros est et etiam eu euismod facilisi facilisis fames faucibus felis fermentum feugiat fringilla fusce gravida habitant habitasse hac hendrerit hymenaeos iaculis id imperdiet in inceptos integer interdum ipsum justo lacinia lacus laoreet lectus leo libero ligula litora lobortis lorem luctus maecenas magna magnis malesuada massa mattis mauris metus mi molestie mollis montes morbi mus nam nascetur natoque nec neque netus nibh nisi nisl non nonummy nostra nulla nullam nunc odio orci ornare parturient pede pellentesque penatibus per pharetra phasellus placerat platea porta porttitor posuere potenti praesent pretium primis proin pulvinar purus quam quis quisque rhoncus ridiculus risus rutrum sagittis sapien scelerisque sed sem semper senectus sit sociis sociosqu sodales sollicitudin suscipit suspendisse taciti tellus tempor tempus tincidunt torquent tortor tristique turpis ullamcorper ultrices ultricies urna ut varius vehicula vel velit venenatis vestibulum vitae vivamus viverra volutpat vulputate'.split(
    ' ',
  )

/** Paragraphs of filler text, of `least` to `most` words each. Random, as everywhere. */
export function loremIpsum(
  count: number,
  { least, most }: { readonly least: number; readonly most: number },
): string[] {
  if (most <= least) throw valueError('empty range for randrange()')
  return Array.from({ length: Math.max(0, count) }, () => {
    const length = least + Math.floor(Math.random() * (most - least))
    const chosen = Array.from(
      { length },
      () => words[Math.floor(Math.random() * words.length)] ?? '',
    )
    const text = chosen.join(' ')
    return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
  })
}
