/** One IndexedDB database with one object store: opened when it is first used, and again when the browser has closed it. */
export class Database {
  #opened: Promise<IDBDatabase> | undefined;

  constructor(
    readonly name: string,
    readonly storeName: string,
    readonly parameters: IDBObjectStoreParameters,
  ) {}

  /**
   * Runs requests in one transaction, and gives the result when the transaction is complete; a strict one is on the disk then.
   * @throws DOMException The browser refuses: no room, no permission.
   */
  async run<T>(mode: IDBTransactionMode, use: (store: IDBObjectStore, done: (result: T) => void) => void, durability: IDBTransactionDurability = "strict"): Promise<T> {
    const database = await this.#open();
    return new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(this.storeName, mode, { durability });
      let result!: T;
      transaction.oncomplete = () => resolve(result);
      transaction.onabort = () => reject(transaction.error ?? new Error(`the transaction in ${this.name} was aborted`));
      use(transaction.objectStore(this.storeName), (value) => (result = value));
    });
  }

  /** Lets go of the database; the next use opens it again. */
  close(): void {
    const opened = this.#opened;
    this.#opened = undefined;
    opened?.then((database) => database.close(), () => undefined);
  }

  #open(): Promise<IDBDatabase> {
    this.#opened ??= new Promise<IDBDatabase>((resolve, reject) => {
      const factory = (globalThis as { indexedDB?: IDBFactory }).indexedDB;
      if (factory === undefined) {
        throw new Error("this platform has no IndexedDB");
      }

      const request = factory.open(this.name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(this.storeName, this.parameters);
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const database = request.result;

        // A later version in another tab, or the user who clears the data: whoever comes next opens it anew.
        database.onversionchange = database.onclose = () => this.close();
        resolve(database);
      };
    }).catch((failure: unknown) => {
      this.#opened = undefined;
      throw failure;
    });
    return this.#opened;
  }
}
