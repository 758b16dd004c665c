/** What an element needs so that files can be dropped onto it. */
export function dropTarget(setIsOver: (isOver: boolean) => void, take: (files: File[]) => void): {
  onDragEnter: (event: DragEvent) => void;
  onDragOver: (event: DragEvent) => void;
  onDragLeave: (event: DragEvent) => void;
  onDrop: (event: DragEvent) => void;
} {
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") === true;
  return {
    onDragEnter: (event) => {
      if (hasFiles(event)) setIsOver(true);
    },
    onDragOver: (event) => {
      if (hasFiles(event)) event.preventDefault();
    },
    onDragLeave: (event) => {
      // Leaving towards a child is not leaving.
      if (!(event.currentTarget as Node).contains(event.relatedTarget as Node | null)) setIsOver(false);
    },
    onDrop: (event) => {
      event.preventDefault();
      setIsOver(false);
      take([...(event.dataTransfer?.files ?? [])]);
    },
  };
}
