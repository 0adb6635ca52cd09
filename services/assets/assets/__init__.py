"""The asset store: derives, signs, keeps and erases the files of clips."""
