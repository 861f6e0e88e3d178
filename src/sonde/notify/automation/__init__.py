"""Does what ``responses`` of the response file say: ``runs`` decides, ``command`` and ``call`` act for ``automate``."""
