/** Where the broker is: where the page comes from, unless the page says otherwise. */
export function serverUrl(): string | undefined {
  const said = document.querySelector<HTMLMetaElement>('meta[name="fastchat-server"]')?.content;
  return said === undefined || said === "" ? undefined : said;
}
