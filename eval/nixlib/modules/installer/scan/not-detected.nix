# What a generated hardware configuration imports for machines without particular needs: nothing.
{ }
