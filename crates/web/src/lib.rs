//! Pages and API for citizens, agencies and admins
